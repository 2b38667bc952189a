import { useEffect, useRef, useState } from 'preact/hooks'
import { formatCount, formatLongAge } from '../ui/format.ts'
import { now } from '../ui/now.ts'
import type { BlockUpdate } from './report-state.ts'

interface Props {
  update: BlockUpdate
  isSelected: boolean
  onSelect(): void
}

export function BlockCard({ update, isSelected, onSelect }: Props) {
  const { block, timestamp, redactedAt } = update
  return (
    <article class={isSelected ? 'card block selected' : 'card block'} aria-label={`Block ${block.idx + 1}`}>
      {redactedAt === null ? <Markdown text={block.template} /> : <p class="sub">The content was removed.</p>}
      <p class="sub">
        block {block.idx + 1} · updated {formatLongAge(timestamp, now.value)}
        {block.requiresHumanReview && ' · needs review'} ·{' '}
        <button type="button" class="link" onClick={onSelect}>
          {formatCount(block.sources.length, 'source')}
        </button>
      </p>
    </article>
  )
}

// Loaded with the first block; until then, and if it cannot be loaded, the text is shown as it is.
function Markdown({ text }: { text: string }) {
  const element = useRef<HTMLDivElement>(null)
  const [isReady, setReady] = useState(false)
  useEffect(() => {
    let isOver = false
    import('./markdown.ts').then(({ renderMarkdown }) => {
      if (isOver || !element.current) return
      renderMarkdown(element.current, text)
      setReady(true)
    })
    return () => {
      isOver = true
    }
  }, [text])
  return (
    <>
      {!isReady && <pre class="code">{text}</pre>}
      <div ref={element} class="markdown" />
    </>
  )
}
