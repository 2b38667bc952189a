import { ApiError } from '../api/api-error.ts'
import { Failure } from '../ui/failure.tsx'
import { useAnswer } from './use-answer.ts'

const LOOK_MS = 5_000

type Members = Readonly<Record<string, unknown>>

/** What `/readyz` says: of the server that answers, if there are several. */
export function Health() {
  const { value, error, reload } = useAnswer(ask, LOOK_MS)
  if (error) return <Failure error={error} onRetry={reload} />
  if (!value) return <p class="sub">Loading …</p>
  const { status, ...members } = value
  return (
    <div class="card">
      <h2 class={status === 'ready' ? '' : 'bad'} data-testid="health">
        {String(status)}
      </h2>
      <dl class="facts">
        {flatten(members).map(([name, text]) => (
          <div key={name} class="fact">
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

async function ask(): Promise<Members> {
  const response = await fetch('/readyz').catch(() => {
    throw new ApiError('The server does not answer.', 'NETWORK')
  })
  return response.json()
}

function flatten(members: Members, prefix = ''): [string, string][] {
  return Object.entries(members).flatMap(([name, value]): [string, string][] =>
    typeof value === 'object' && value !== null
      ? flatten(value as Members, `${prefix}${name}.`)
      : [[`${prefix}${name}`, String(value)]],
  )
}
