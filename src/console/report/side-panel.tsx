import { useState } from 'preact/hooks'
import { SnippetView } from '../event/snippet-view.tsx'
import { formatNumber, formatTime, lower } from '../ui/format.ts'
import { now } from '../ui/now.ts'
import { Tabs } from '../ui/tabs.tsx'
import type { LiveReport } from './live-report.ts'
import type { BlockUpdate, ReportEvent, ReportState } from './report-state.ts'
import { snippetsOf } from './snippets.ts'

interface Props {
  live: LiveReport
  state: ReportState
  block: BlockUpdate | undefined
  onSeek(seq: number): void
}

export function SidePanel({ live, state, block, onSeek }: Props) {
  const [tab, setTab] = useState('Sources')
  return (
    <aside class="panel" aria-label="Beside the report">
      <Tabs
        label="Beside the report"
        chosen={tab}
        onChoose={setTab}
        tabs={[
          { name: 'Sources', content: () => <Sources block={block} /> },
          { name: 'Events', content: () => <Events events={live.events.value} onSeek={onSeek} /> },
          { name: 'Snapshot', content: () => <pre class="code">{JSON.stringify(toPlain(state), null, 2)}</pre> },
          ...snippetsOf(live.report).map(({ name, text }) => ({ name, content: () => <SnippetView text={text} /> })),
        ]}
      />
    </aside>
  )
}

function Sources({ block }: { block: BlockUpdate | undefined }) {
  if (!block || block.block.sources.length === 0) return <p class="sub">No sources.</p>
  return (
    <ol class="sources">
      {block.block.sources.map(({ score, node }, index) => {
        const { file_name: fileName } = (node.metadata ?? {}) as { file_name?: unknown }
        return (
          <li key={node.id} class="card">
            {score !== null && <span class="score">{score.toFixed(2)}</span>}
            <b>
              [{index + 1}] {typeof fileName === 'string' ? fileName : node.id}
            </b>
            <p>{node.text.length > 400 ? `${node.text.slice(0, 400)}…` : node.text}</p>
          </li>
        )
      })}
    </ol>
  )
}

function Events({ events, onSeek }: { events: readonly ReportEvent[]; onSeek(seq: number): void }) {
  if (events.length === 0) return <p class="sub">No event yet.</p>
  return (
    <ol class="event-list">
      {events.toReversed().map((event) => (
        <li key={event.seq}>
          <button type="button" class="link" onClick={() => onSeek(event.seq)}>
            #{formatNumber(event.seq)}
          </button>{' '}
          <span class="sub">{formatTime(event.timestamp, now.peek())}</span> {wordFor(event)} {event.message}
        </li>
      ))}
    </ol>
  )
}

function wordFor(event: ReportEvent): string {
  switch (event.__typename) {
    case 'ProgressEvent':
      return lower(event.variant)
    case 'StateEvent':
      return lower(event.state)
    case 'BlockUpdateEvent':
      return `block ${event.block.idx + 1}`
  }
}

function toPlain({ seq, state, operations, blocks }: ReportState): object {
  return {
    seq,
    state: state?.state,
    operations: [...operations.values()].map(({ variant, status, progress }) => ({ variant, status, progress })),
    blocks: [...blocks.values()].map(({ block: { idx, template } }) => ({ idx, template })),
  }
}
