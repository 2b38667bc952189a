import { useState } from 'preact/hooks'
import { type ApiError, asApiError } from '../api/api-error.ts'
import type { ResultOf } from '../api/graphql.ts'
import { request } from '../api/request.ts'
import { Failure } from '../ui/failure.tsx'
import { formatExactTime, lower } from '../ui/format.ts'
import { AUDIT } from './documents.ts'
import { TableHead } from './table-head.tsx'
import { useAnswer } from './use-answer.ts'

const PAGE = 50

type Entries = ResultOf<typeof AUDIT>['auditEntries']

export function Audit({ organizationId }: { organizationId: string }) {
  const { value, error, reload } = useAnswer(() => request(AUDIT, { organizationId, first: PAGE }))
  const [older, setOlder] = useState<Entries | undefined>()
  const [failure, setFailure] = useState<ApiError | undefined>()
  if (error) return <Failure error={error} onRetry={reload} />
  if (!value) return <p class="sub">Loading …</p>
  const last = older ?? value.auditEntries
  const more = async () => {
    try {
      const { auditEntries } = await request(AUDIT, { organizationId, first: PAGE, after: last.pageInfo.endCursor })
      setOlder({ ...auditEntries, nodes: [...(older?.nodes ?? []), ...auditEntries.nodes] })
    } catch (problem) {
      setFailure(asApiError(problem))
    }
  }
  return (
    <div class="card">
      <table>
        <TableHead columns={['When', 'Action', 'By key', 'Subject', 'Details']} />
        <tbody>
          {[...value.auditEntries.nodes, ...(older?.nodes ?? [])].map((entry) => (
            <tr key={entry.id}>
              <td>{formatExactTime(entry.at)}</td>
              <td>{lower(entry.action).replaceAll('_', ' ')}</td>
              <td>{entry.actorKeyId === null ? 'root' : <code>{entry.actorKeyId.slice(-8)}</code>}</td>
              <td>
                {lower(entry.subjectKind).replaceAll('_', ' ')}{' '}
                <code title={entry.subjectId}>{entry.subjectId.slice(-8)}</code>
              </td>
              <td>
                <code class="details">{JSON.stringify(entry.details)}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {failure && <Failure error={failure} onRetry={more} />}
      {last.pageInfo.hasNextPage && (
        <button type="button" class="button" onClick={more}>
          Older entries
        </button>
      )}
    </div>
  )
}
