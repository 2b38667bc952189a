import { useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import { formatNumber } from '../ui/format.ts'
import { partsOf, positionsOf } from './text-parts.ts'

/** Matches that are marked; more would be slow to draw. */
const MOST_MARKED = 1_000

interface Props {
  text: string
  search: string
  /** Number of times that the next match was asked for. */
  turn: number
}

/**
 * Text as it was recorded, in parts that are laid out as they come into view: a line of 1 MiB takes a second. Matches
 * are marked by the browser's highlights, which leave the document as it is.
 */
export function TextView({ text, search, turn }: Props) {
  const element = useRef<HTMLPreElement>(null)
  const parts = useMemo(() => partsOf(text), [text])
  const found = useMemo(() => (search === '' ? [] : positionsOf(text, search, MOST_MARKED)), [text, search])
  const current = found.length > 0 ? turn % found.length : 0
  useLayoutEffect(() => {
    const nodes = [...(element.current?.children ?? [])].map(({ firstChild }) => firstChild as Text)
    if (!('highlights' in CSS) || nodes.length === 0) return
    const ranges = rangesOf(nodes, found, search.length)
    const chosen = ranges[current]
    CSS.highlights.set('found', new Highlight(...ranges))
    if (chosen) {
      CSS.highlights.set('current', new Highlight(chosen))
      bringIntoView(chosen)
    }
    return () => {
      CSS.highlights.delete('found')
      CSS.highlights.delete('current')
    }
  }, [parts, found, current])
  return (
    <>
      {search !== '' && (
        <p class="sub" role="status">
          {describe(found.length, current)}
        </p>
      )}
      <pre ref={element} class="code parts" onCopy={copyExactly}>
        {parts.map((part, index) => (
          <span key={index}>{part}</span>
        ))}
      </pre>
    </>
  )
}

function describe(count: number, current: number): string {
  if (count <= 1) return count === 1 ? '1 match' : 'No match'
  return `Match ${formatNumber(current + 1)} of ${formatNumber(count)}${count === MOST_MARKED ? ' and more' : ''}`
}

// The browser would put a line end between two parts.
function copyExactly(event: ClipboardEvent): void {
  const selection = getSelection()
  if (!selection || selection.rangeCount === 0) return
  event.clipboardData?.setData('text/plain', selection.getRangeAt(0).cloneContents().textContent ?? '')
  event.preventDefault()
}

/** @param positions in the text of all nodes together, ascending. */
function rangesOf(nodes: readonly Text[], positions: readonly number[], length: number): Range[] {
  let index = 0
  let start = 0
  const seek = (position: number, isEnd: boolean): [node: Text, offset: number] => {
    while (index < nodes.length - 1 && position + (isEnd ? 0 : 1) > start + (nodes[index]?.length ?? 0)) {
      start += nodes[index]?.length ?? 0
      index += 1
    }
    return [nodes[index] as Text, position - start]
  }
  return positions.map((position) => {
    const range = new Range()
    range.setStart(...seek(position, false))
    range.setEnd(...seek(position + length, true))
    return range
  })
}

function bringIntoView(range: Range): void {
  range.startContainer.parentElement?.scrollIntoView({ block: 'nearest' })
  const { top } = range.getBoundingClientRect()
  const scroller = range.startContainer.parentElement?.closest('.panel')
  if (top < 0 || top > innerHeight - 40) scroller?.scrollBy(0, top - innerHeight / 2)
}
