import { useState } from 'preact/hooks'
import { containsText, entriesOf, isNumber, type Json } from './parse-payload.ts'

const SHOWN = 100

const OPEN = { depth: 2, members: 20 } as const

interface Props {
  name?: string | number
  value: Json
  depth: number
  /** In lower case; only what contains it is shown. */
  search: string
}

export function TreeNode({ name, value, depth, search }: Props) {
  const entries = entriesOf(value)
  const [isOpen, setOpen] = useState(depth < OPEN.depth && (entries?.length ?? 0) <= OPEN.members)
  const [shown, setShown] = useState(SHOWN)
  if (!entries) {
    return (
      <div class="leaf">
        <Name name={name} />
        <Leaf value={value} />
      </div>
    )
  }
  const matching = search === '' ? entries : entries.filter(([member, inner]) => containsText(member, inner, search))
  const isExpanded = isOpen || search !== ''
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}']
  return (
    <details open={isExpanded} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Name name={name} />
        {open} <span class="faint">{describe(entries.length, Array.isArray(value))}</span> {isExpanded ? '' : close}
      </summary>
      {isExpanded && (
        <>
          <div class="members">
            {matching.slice(0, shown).map(([member, inner]) => (
              <TreeNode key={member} name={member} value={inner} depth={depth + 1} search={search} />
            ))}
            {matching.length > shown && (
              <button type="button" class="link" onClick={() => setShown(shown + SHOWN)}>
                {matching.length - shown} more
              </button>
            )}
          </div>
          {close}
        </>
      )}
    </details>
  )
}

function Name({ name }: { name?: string | number }) {
  if (name === undefined) return null
  return typeof name === 'number' ? <span class="faint">{name}: </span> : <span class="name">"{name}": </span>
}

function Leaf({ value }: { value: Json }) {
  if (typeof value === 'string') return <span class="string">{JSON.stringify(value)}</span>
  return (
    <span class={value !== null && typeof value === 'object' && isNumber(value) ? 'number' : 'word'}>
      {String(value)}
    </span>
  )
}

function describe(count: number, isArray: boolean): string {
  const noun = isArray ? 'item' : 'member'
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
