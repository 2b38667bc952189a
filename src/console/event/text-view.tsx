import { useLayoutEffect, useRef } from 'preact/hooks'
import { formatCount } from '../ui/format.ts'

/** Matches that are marked; more would be slow to draw. */
const MOST_MARKED = 1_000

/** Text as it was recorded. Matches are marked by the browser's highlights, which leave the document as it is. */
export function TextView({ text, search }: { text: string; search: string }) {
  const element = useRef<HTMLPreElement>(null)
  const found = search === '' ? [] : positionsOf(text, search)
  useLayoutEffect(() => {
    const node = element.current?.firstChild
    if (!('highlights' in CSS) || !node) return
    const ranges = found.map((start) => {
      const range = new Range()
      range.setStart(node, start)
      range.setEnd(node, start + search.length)
      return range
    })
    CSS.highlights.set('found', new Highlight(...ranges))
    ranges[0]?.startContainer.parentElement?.scrollIntoView({ block: 'nearest' })
    return () => void CSS.highlights.delete('found')
  }, [text, search])
  return (
    <>
      {search !== '' && (
        <p class="sub" role="status">
          {found.length === MOST_MARKED
            ? `${MOST_MARKED} matches and more`
            : formatCount(found.length, 'match').replace('matchs', 'matches')}
        </p>
      )}
      <pre ref={element} class="code">
        {text}
      </pre>
    </>
  )
}

function positionsOf(text: string, search: string): number[] {
  const [where, what] = [text.toLowerCase(), search.toLowerCase()]
  // Some letters have another length in lower case, and positions would be wrong.
  const haystack = where.length === text.length ? where : text
  const found: number[] = []
  for (
    let at = haystack.indexOf(what);
    at >= 0 && found.length < MOST_MARKED;
    at = haystack.indexOf(what, at + what.length)
  ) {
    found.push(at)
  }
  return found
}
