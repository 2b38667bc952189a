import { useState } from 'preact/hooks'
import { type ApiError, asApiError } from '../api/api-error.ts'
import type { VariablesOf } from '../api/graphql.ts'
import { request } from '../api/request.ts'
import { loadStreams } from '../layout/streams.ts'
import { Failure } from '../ui/failure.tsx'
import { formatCount, formatNumber } from '../ui/format.ts'
import { RETENTION, SET_RETENTION } from './documents.ts'
import { useAnswer } from './use-answer.ts'

type Target = VariablesOf<typeof SET_RETENTION>['of']
type Policy = { maxAgeSeconds: number | null; maxEvents: number | null } | null

const DAY_S = 86_400

export function Retention({ organizationId }: { organizationId: string }) {
  const { value, error, reload } = useAnswer(() => request(RETENTION, { organizationId }))
  if (error) return <Failure error={error} onRetry={reload} />
  if (!value) return <p class="sub">Loading …</p>
  return (
    <>
      <PolicyForm
        title="All streams without a policy of their own"
        of={{ organizationId }}
        policy={value.organization?.retention ?? null}
        onSet={() => {
          reload()
          void loadStreams()
        }}
      />
      {value.datasets.nodes.map(({ id, name, trackingId, eventCount, retention }) => (
        <PolicyForm
          key={id}
          title={`${name ?? trackingId ?? id} · ${formatCount(eventCount, 'event')}`}
          of={{ datasetId: id }}
          policy={retention}
          onSet={reload}
        />
      ))}
    </>
  )
}

function PolicyForm({ title, of, policy, onSet }: { title: string; of: Target; policy: Policy; onSet(): void }) {
  const [error, setError] = useState<ApiError | undefined>()
  const set = async (limits?: { maxAgeSeconds?: number; maxEvents?: number }) => {
    try {
      await request(SET_RETENTION, { of, policy: limits })
      setError(undefined)
      onSet()
    } catch (failure) {
      setError(asApiError(failure))
    }
  }
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget as HTMLFormElement)
    const days = Number(data.get('days'))
    const events = Number(data.get('events'))
    void set({
      ...(days > 0 && { maxAgeSeconds: Math.round(days * DAY_S) }),
      ...(events > 0 && { maxEvents: events }),
    })
  }
  return (
    <form class="card line" onSubmit={submit} aria-label={title}>
      <h2>{title}</h2>
      <p class="sub">{describe(policy)}</p>
      <label>
        Days
        <input name="days" type="number" min="0.0001" step="any" defaultValue={daysOf(policy)} />
      </label>
      <label>
        Events
        <input name="events" type="number" min="1" defaultValue={policy?.maxEvents?.toString()} />
      </label>
      <button type="submit" class="button">
        Set: what is older is removed permanently
      </button>
      {policy && (
        <button type="button" class="button" onClick={() => void set()}>
          Remove the policy
        </button>
      )}
      {error && <Failure error={error} />}
    </form>
  )
}

function daysOf(policy: Policy): string | undefined {
  return policy?.maxAgeSeconds ? String(policy.maxAgeSeconds / DAY_S) : undefined
}

function describe(policy: Policy): string {
  if (!policy) return 'No policy.'
  const { maxAgeSeconds, maxEvents } = policy
  const limits = [
    maxAgeSeconds !== null && `${formatNumber(maxAgeSeconds / DAY_S)} days`,
    maxEvents !== null && formatCount(maxEvents, 'event'),
  ].filter(Boolean)
  return limits.length > 0 ? `At most ${limits.join(', and at most ')}.` : 'All events are kept.'
}
