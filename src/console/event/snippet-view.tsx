import { CopyButton } from '../ui/copy-button.tsx'

export interface Snippet {
  readonly name: string
  readonly text: string
}

/** A command or a program that reads what is shown, and a button that copies it. */
export function SnippetView({ text }: { text: string }) {
  return (
    <>
      <CopyButton text={text} label="Copy" />
      <pre class="code">{text}</pre>
    </>
  )
}
