/** Icons of lucide, as masks in `icons.css`, so that they take the colour of the text. */
export function Icon({
  name,
}: {
  name: 'check' | 'copy' | 'help' | 'link' | 'moon' | 'pause' | 'play' | 'search' | 'x' | 'menu'
}) {
  return <i class={`icon icon-${name}`} aria-hidden="true" />
}
