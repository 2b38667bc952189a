import { useState } from 'preact/hooks'

export function CopyButton({
  text,
  label,
  class: className = 'button',
}: {
  text: string | (() => string)
  label: string
  class?: string
}) {
  const [isCopied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(typeof text === 'string' ? text : text())
    setCopied(true)
    setTimeout(() => setCopied(false), 1_500)
  }
  return (
    <button type="button" class={className} onClick={copy}>
      <span aria-live="polite">{isCopied ? 'Copied' : label}</span>
    </button>
  )
}
