import type { ComponentChildren } from 'preact'
import { useId, useRef } from 'preact/hooks'

interface Props {
  label: ComponentChildren
  /** What is opened; it gets a function that closes it. */
  children(close: () => void): ComponentChildren
}

/** A button that opens a panel of the browser's own kind: Escape and a click beside it close it. */
export function Popover({ label, children }: Props) {
  const id = useId()
  const button = useRef<HTMLButtonElement>(null)
  const panel = useRef<HTMLDivElement>(null)
  const place = ({ newState }: { newState: string }) => {
    if (newState !== 'open' || !button.current || !panel.current) return
    const { bottom, right } = button.current.getBoundingClientRect()
    panel.current.style.top = `${bottom + 4}px`
    panel.current.style.left = `${Math.max(8, right - panel.current.offsetWidth)}px`
  }
  return (
    <>
      <button ref={button} type="button" class="chip square" popovertarget={id}>
        {label}
      </button>
      <div ref={panel} id={id} popover="auto" class="popover" onToggle={place}>
        {children(() => panel.current?.hidePopover())}
      </div>
    </>
  )
}
