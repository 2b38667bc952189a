import { request } from '../api/request.ts'
import { Failure } from '../ui/failure.tsx'
import { formatCount, formatLongAge, formatNumber, lower } from '../ui/format.ts'
import { now } from '../ui/now.ts'
import { ConfirmButton } from './confirm-button.tsx'
import { CONNECTIONS, END_CONNECTION } from './documents.ts'
import { TableHead } from './table-head.tsx'
import { useAnswer } from './use-answer.ts'

/** Milliseconds between two looks: the servers write them down every few seconds. */
const LOOK_MS = 2_000

const SHOWN = 200

export function Connections({ organizationId }: { organizationId: string }) {
  const { value, error, reload } = useAnswer(() => request(CONNECTIONS, { organizationId, first: SHOWN }), LOOK_MS)
  if (error) return <Failure error={error} onRetry={reload} />
  if (!value) return <p class="sub">Loading …</p>
  const { totalCount, nodes } = value.liveConnections
  const end = async (id: string) => {
    await request(END_CONNECTION, { id })
    reload()
  }
  return (
    <div class="card">
      <p class="sub">{formatCount(totalCount, 'connection')}. Their data may be a few seconds old.</p>
      <table>
        <TableHead columns={['Key', 'Reads', 'Operation', 'By', 'Open for', 'Behind']} hasActions />
        <tbody>
          {nodes.map(({ id, apiKey, streamId, operationName, transport, openedAt, lag }) => (
            <tr key={id}>
              <td>{apiKey ? (apiKey.name ?? `${apiKey.prefix}…`) : 'root key'}</td>
              <td>
                {streamId === null ? (
                  '–'
                ) : (
                  <code title={streamId}>
                    {streamId.slice(0, 8)}…{streamId.slice(-4)}
                  </code>
                )}
              </td>
              <td>{operationName ?? '–'}</td>
              <td>{lower(transport).replaceAll('_', ' ')}</td>
              <td>{formatLongAge(openedAt, now.value).replace(' ago', '')}</td>
              <td>{lag === null ? '–' : formatNumber(lag)}</td>
              <td>
                <ConfirmButton label="End" confirm="End it now" onConfirm={() => end(id)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
