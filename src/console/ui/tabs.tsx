import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'

interface Tab {
  name: string
  content: () => ComponentChildren
}

/** Tabs with the keys of the ARIA pattern: arrows, Home and End. */
export function Tabs({
  tabs,
  chosen,
  onChoose,
  label,
}: {
  tabs: readonly Tab[]
  chosen: string
  onChoose(name: string): void
  label: string
}) {
  const id = useId()
  const current = tabs.find(({ name }) => name === chosen) ?? tabs[0]
  const index = current ? tabs.indexOf(current) : 0
  const onKeyDown = (event: KeyboardEvent) => {
    const next = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: tabs.length - 1 }[event.key]
    if (next === undefined) return
    event.preventDefault()
    const tab = tabs[(next + tabs.length) % tabs.length]
    if (!tab) return
    onChoose(tab.name)
    document.getElementById(`${id}-${tab.name}`)?.focus()
  }
  return (
    <div class="tabbed">
      <div class="tabs" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
        {tabs.map((tab) => (
          <button
            key={tab.name}
            id={`${id}-${tab.name}`}
            type="button"
            role="tab"
            aria-selected={tab === current}
            aria-controls={`${id}-panel`}
            tabIndex={tab === current ? 0 : -1}
            onClick={() => onChoose(tab.name)}
          >
            {tab.name}
          </button>
        ))}
      </div>
      <div id={`${id}-panel`} role="tabpanel" aria-labelledby={`${id}-${current?.name}`} tabIndex={0}>
        {current?.content()}
      </div>
    </div>
  )
}
