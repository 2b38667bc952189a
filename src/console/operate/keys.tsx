import { useState } from 'preact/hooks'
import { type ApiError, asApiError } from '../api/api-error.ts'
import { request } from '../api/request.ts'
import { loadStreams } from '../layout/streams.ts'
import { CopyButton } from '../ui/copy-button.tsx'
import { Failure } from '../ui/failure.tsx'
import { formatCount, formatLongAge } from '../ui/format.ts'
import { now } from '../ui/now.ts'
import { ConfirmButton } from './confirm-button.tsx'
import { CREATE_KEY, KEYS, REVOKE_KEY } from './documents.ts'
import { TableHead } from './table-head.tsx'
import { useAnswer } from './use-answer.ts'

const SHOWN = 200

const ROLES = ['READ', 'WRITE', 'ADMIN'] as const

export function Keys({ organizationId }: { organizationId: string }) {
  const { value, error, reload } = useAnswer(() => request(KEYS, { organizationId, first: SHOWN }))
  if (error) return <Failure error={error} onRetry={reload} />
  if (!value) return <p class="sub">Loading …</p>
  const { totalCount, nodes } = value.apiKeys
  const changed = () => {
    reload()
    void loadStreams()
  }
  const revoke = async (id: string) => {
    await request(REVOKE_KEY, { id })
    changed()
  }
  return (
    <>
      <NewKey organizationId={organizationId} onCreated={changed} />
      <div class="card">
        <p class="sub">
          {formatCount(totalCount, 'key')}
          {totalCount > nodes.length && `, of which the newest ${nodes.length} are shown`}
        </p>
        <table>
          <TableHead columns={['Key', 'Role', 'Streams', 'Created', 'Last used']} hasActions />
          <tbody>
            {nodes.map(
              ({ id, name, prefix, role, datasetIds, reportIds, createdAt, lastUsedAt, expiresAt, revokedAt }) => {
                const streams = datasetIds.length + reportIds.length
                const isExpired = expiresAt !== null && Date.parse(expiresAt) < now.value
                return (
                  <tr key={id} class={revokedAt !== null || isExpired ? 'faint' : ''}>
                    <td>
                      {name ?? 'unnamed'} <code>{prefix}…</code>
                    </td>
                    <td>{role}</td>
                    <td>{streams === 0 ? 'all' : streams}</td>
                    <td>{formatLongAge(createdAt, now.value)}</td>
                    <td>{lastUsedAt === null ? 'never' : formatLongAge(lastUsedAt, now.value)}</td>
                    <td>
                      {revokedAt !== null ? (
                        'revoked'
                      ) : isExpired ? (
                        'expired'
                      ) : (
                        <ConfirmButton label="Revoke" confirm="Revoke permanently" onConfirm={() => revoke(id)} />
                      )}
                    </td>
                  </tr>
                )
              },
            )}
          </tbody>
        </table>
      </div>
    </>
  )
}

function NewKey({ organizationId, onCreated }: { organizationId: string; onCreated(): void }) {
  const [made, setMade] = useState('')
  const [error, setError] = useState<ApiError | undefined>()
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const form = event.currentTarget as HTMLFormElement
    const data = new FormData(form)
    const role = ROLES.find((name) => name === data.get('role')) ?? 'READ'
    try {
      const name = String(data.get('name')).trim() || undefined
      const { createApiKey } = await request(CREATE_KEY, { organizationId, role, name })
      setMade(createApiKey?.key ?? '')
      setError(undefined)
      form.reset()
      onCreated()
    } catch (failure) {
      setError(asApiError(failure))
    }
  }
  return (
    <form class="card line" onSubmit={submit}>
      <label>
        Name
        <input name="name" maxLength={500} autocomplete="off" />
      </label>
      <label>
        Role
        <select name="role">
          {ROLES.map((role) => (
            <option key={role}>{role}</option>
          ))}
        </select>
      </label>
      <button type="submit" class="button primary">
        Create a key
      </button>
      {made && (
        <p class="notice" role="status">
          <code>{made}</code> <CopyButton text={made} label="Copy" /> It is shown only now.
        </p>
      )}
      {error && <Failure error={error} />}
    </form>
  )
}
