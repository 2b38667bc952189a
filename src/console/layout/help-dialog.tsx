import { useRef } from 'preact/hooks'
import { useShortcuts } from '../ui/shortcuts.ts'

const KEYS: readonly [key: string, meaning: string][] = [
  ['/', 'search'],
  ['j', 'next event: the older one'],
  ['k', 'previous event: the newer one'],
  ['e', 'to the end, and follow'],
  ['Esc', 'close the event'],
  ['?', 'this help'],
]

let dialog: HTMLDialogElement | null = null

export function openHelp(): void {
  dialog?.showModal()
}

export function HelpDialog() {
  const element = useRef<HTMLDialogElement>(null)
  useShortcuts(() => ({ '?': openHelp }))
  return (
    <dialog
      ref={(found) => {
        element.current = found
        dialog = found
      }}
      class="card"
      aria-labelledby="help-title"
    >
      <h2 id="help-title">Keys</h2>
      <dl class="keys-list">
        {KEYS.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit" class="button">
          Close
        </button>
      </form>
    </dialog>
  )
}
