import { useEffect, useRef } from 'preact/hooks'

type Shortcuts = Readonly<Record<string, () => void>>

/** Keys of a view, while no field has the focus and no dialog is open. @param shortcuts by the name of the key. */
export function useShortcuts(shortcuts: () => Shortcuts): void {
  const current = useRef(shortcuts)
  current.current = shortcuts
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement
      const isTyping = target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping || document.querySelector('dialog[open]')) return
      const action = current.current()[event.key]
      if (!action) return
      event.preventDefault()
      action()
    }
    addEventListener('keydown', onKeyDown)
    return () => removeEventListener('keydown', onKeyDown)
  }, [])
}
