import { FirstRun } from '../first-run/first-run.tsx'
import { streams } from '../layout/streams.ts'
import { organization, organizations } from '../session/organization.ts'
import { viewer } from '../session/viewer.ts'
import { formatCount, formatLongAge, lower } from '../ui/format.ts'
import { now } from '../ui/now.ts'

export function Home() {
  const found = streams.value
  const isEmpty =
    organizations.value?.length === 0 || (found?.datasets.totalCount === 0 && found.reports.totalCount === 0)
  if (isEmpty && viewer.value?.role !== 'READ') return <FirstRun />
  if (!found) return <p class="loading">Loading …</p>
  const { datasets, reports } = found
  return (
    <div class="body">
      <h1>{organization.value?.name ?? 'Streams of this key'}</h1>
      <section class="card" aria-labelledby="datasets">
        <h2 id="datasets">{formatCount(datasets.totalCount, 'dataset')}</h2>
        <ul class="cards">
          {datasets.nodes.map(({ id, name, trackingId, eventCount, lastEventAt }) => (
            <li key={id}>
              <a href={`/datasets/${id}`}>{name ?? trackingId ?? id}</a>
              <span class="sub">
                {formatCount(eventCount, 'event')} ·{' '}
                {lastEventAt === null ? 'none yet' : formatLongAge(lastEventAt, now.value)}
              </span>
            </li>
          ))}
        </ul>
      </section>
      <section class="card" aria-labelledby="reports">
        <h2 id="reports">{formatCount(reports.totalCount, 'report')}</h2>
        <ul class="cards">
          {reports.nodes.map(({ id, name, state, lastEventAt }) => (
            <li key={id}>
              <a href={`/reports/${id}`}>{name ?? id}</a>
              <span class="sub">
                {lower(state ?? 'new').replace('_', ' ')} ·{' '}
                {lastEventAt === null ? 'no event yet' : formatLongAge(lastEventAt, now.value)}
              </span>
            </li>
          ))}
        </ul>
      </section>
    </div>
  )
}
