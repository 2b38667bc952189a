import { Component, type ComponentType } from 'preact'

/** A component that is drawn again only for another property, or a signal that it reads: for rows of long lists. */
export function memo<Props extends object>(Inner: ComponentType<Props>) {
  return class Memo extends Component<Props> {
    override shouldComponentUpdate(next: Props): boolean {
      const names = Object.keys(next) as (keyof Props)[]
      return names.some((name) => next[name] !== this.props[name])
    }

    override render() {
      return <Inner {...(this.props as Props)} />
    }
  }
}
