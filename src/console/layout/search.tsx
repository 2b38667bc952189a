import { useId, useRef, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { asApiError } from '../api/api-error.ts'
import { useShortcuts } from '../ui/shortcuts.ts'
import { type Found, findAnything } from './find-anything.ts'

export function Search() {
  const { path, route } = useLocation()
  const input = useRef<HTMLInputElement>(null)
  const id = useId()
  const [found, setFound] = useState<readonly Found[]>([])
  const [problem, setProblem] = useState('')
  const asked = useRef('')
  useShortcuts(() => ({ '/': () => input.current?.focus() }))
  const ask = async (text: string) => {
    asked.current = text
    setProblem('')
    if (!text.trim()) return setFound([])
    try {
      const results = await findAnything(text.trim(), path)
      if (asked.current !== text) return
      setFound(results)
      if (results.length === 0) setProblem('Nothing found.')
    } catch (error) {
      setProblem(asApiError(error).message)
    }
  }
  const go = ({ href }: Found) => {
    setFound([])
    if (input.current) input.current.value = ''
    input.current?.blur()
    route(href)
  }
  const isOpen = found.length > 0 || problem !== ''
  return (
    <search class="search">
      <kbd>/</kbd>
      <input
        ref={input}
        type="search"
        aria-label="Find a dataset, report, event id, position or time"
        placeholder="Find a dataset, report, event id, position or time…"
        autocomplete="off"
        aria-controls={id}
        onInput={(event) => void ask(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && found[0]) go(found[0])
          if (event.key === 'Escape') {
            setFound([])
            setProblem('')
            event.currentTarget.blur()
          }
        }}
      />
      <div id={id} class="found" hidden={!isOpen} aria-live="polite">
        {problem && <p class="sub">{problem}</p>}
        {found.map((item) => (
          <a
            key={item.href}
            href={item.href}
            onClick={(event) => {
              event.preventDefault()
              go(item)
            }}
          >
            <span>{item.label}</span> <small>{item.kind}</small>
          </a>
        ))}
      </div>
    </search>
  )
}
