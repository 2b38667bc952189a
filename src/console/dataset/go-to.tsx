import { useState } from 'preact/hooks'
import { asApiError } from '../api/api-error.ts'
import { useQuery } from '../ui/address.ts'
import { Popover } from '../ui/popover.tsx'
import type { Filter } from './filter.ts'
import { findPosition } from './find-position.ts'
import type { Tail } from './tail.ts'

export function GoTo({ tail, filter }: { tail: Tail; filter: Filter }) {
  const { change } = useQuery()
  const [problem, setProblem] = useState('')
  return (
    <Popover label="Go to # / time / page">
      {(close) => {
        const submit = async (event: SubmitEvent) => {
          event.preventDefault()
          const text = String(new FormData(event.currentTarget as HTMLFormElement).get('to'))
          try {
            const at = await findPosition(tail, filter, text)
            setProblem('')
            close()
            change({ at: String(at), event: undefined }, false)
          } catch (error) {
            setProblem(asApiError(error).message)
          }
        }
        return (
          <form class="stack" onSubmit={submit}>
            <label>
              Position, time or page
              <input name="to" autocomplete="off" placeholder="#1204510, 2026-11-26 14:03, page 12" required />
            </label>
            {problem && (
              <p class="problem" role="alert">
                {problem}
              </p>
            )}
            <button type="submit" class="button primary">
              Go
            </button>
          </form>
        )
      }}
    </Popover>
  )
}
