import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { mayAdminister } from '../session/viewer.ts'
import { formatCompact, lower } from '../ui/format.ts'
import { now } from '../ui/now.ts'
import { operated, type Streams, streams, watchStreams } from './streams.ts'

/** Only on narrow screens, where it covers the page. */
export const isSidebarOpen = signal(false)

/** Milliseconds since the last event for which a dataset counts as active. */
const ACTIVE_MS = 60_000

export function Sidebar() {
  const { path, url } = useLocation()
  useEffect(watchStreams, [])
  useEffect(() => {
    isSidebarOpen.value = false
  }, [url])
  const { datasets, reports } = streams.value ?? {}
  return (
    <nav class={isSidebarOpen.value ? 'side open' : 'side'} aria-label="Datasets, reports and operations">
      <h2>Datasets</h2>
      {datasets?.nodes.map((dataset) => (
        <Item
          key={dataset.id}
          href={`/datasets/${dataset.id}`}
          path={path}
          dot={activity(dataset.lastEventAt)}
          label={dataset.name ?? dataset.trackingId ?? dataset.id}
          note={formatCompact(dataset.eventCount)}
        />
      ))}
      {datasets && <More shown={datasets.nodes.length} total={datasets.totalCount} />}
      <h2>Reports</h2>
      {reports?.nodes.map((report) => (
        <Item
          key={report.id}
          href={`/reports/${report.id}`}
          path={path}
          dot={progressOf(report)}
          label={report.name ?? report.id}
          note={noteOf(report)}
        />
      ))}
      {reports && <More shown={reports.nodes.length} total={reports.totalCount} />}
      {mayAdminister.value && (
        <>
          <h2>Operate</h2>
          {OPERATE.map(([page, label]) => (
            <Item key={page} href={`/operate/${page}`} path={path} label={label} note={numberFor(page)} />
          ))}
        </>
      )}
      <a href="/graphql" target="_blank" rel="noreferrer">
        <span>GraphiQL</span> <small>↗</small>
      </a>
    </nav>
  )
}

const OPERATE: readonly [page: string, label: string][] = [
  ['connections', 'Live readers'],
  ['keys', 'Keys'],
  ['retention', 'Retention'],
  ['audit', 'Audit'],
  ['health', 'Health'],
]

interface ItemProps {
  href: string
  path: string
  label: string
  note?: string
  dot?: string
}

function Item({ href, path, label, note, dot }: ItemProps) {
  return (
    <a href={href} aria-current={path === href ? 'page' : undefined} title={label}>
      <span>
        {dot !== undefined && <i class={`dot ${dot}`} aria-hidden="true" />}
        {label}
      </span>
      {note !== undefined && <small>{note}</small>}
    </a>
  )
}

function More({ shown, total }: { shown: number; total: number }) {
  if (total === 0) return <p class="sub">None yet</p>
  return total > shown ? <p class="sub">{formatCompact(total - shown)} more: search by name</p> : null
}

function activity(lastEventAt: string | null): string {
  return lastEventAt !== null && now.value - Date.parse(lastEventAt) < ACTIVE_MS ? 'good' : ''
}

function numberFor(page: string): string | undefined {
  const { liveConnections, apiKeys, organization } = operated.value ?? {}
  if (page === 'connections' && liveConnections) return formatCompact(liveConnections.totalCount)
  if (page === 'keys' && apiKeys) return formatCompact(apiKeys.totalCount)
  const seconds = organization?.retention?.maxAgeSeconds
  return page === 'retention' && seconds ? `${formatCompact(seconds / 86_400)} d` : undefined
}

/** How far a report is that is being written; of others, their state in a short word. */
function noteOf({ state, events }: Streams['reports']['nodes'][number]): string {
  const [newest] = events.nodes
  const progress = newest && 'progress' in newest ? newest.progress : null
  if ((state === 'PLANNING' || state === 'GENERATING') && progress !== null) return `${Math.round(progress * 100)} %`
  return state === 'COMPLETED' ? 'done' : state === 'WAITING_APPROVAL' ? 'approval' : lower(state ?? 'new')
}

function progressOf({ state }: Streams['reports']['nodes'][number]): string {
  if (state === 'COMPLETED') return 'good'
  if (state === 'ERROR') return 'bad'
  return state === null || state === 'PENDING' ? '' : 'busy'
}
