import { useState } from 'preact/hooks'
import { type ApiError, asApiError } from '../api/api-error.ts'

interface Props {
  label: string
  /** What the second click does, such as "Revoke permanently". */
  confirm: string
  onConfirm(): Promise<unknown>
}

/** A button for what cannot be undone: it asks once more, in its place. */
export function ConfirmButton({ label, confirm, onConfirm }: Props) {
  const [isAsking, setAsking] = useState(false)
  const [error, setError] = useState<ApiError | undefined>()
  const run = async () => {
    setAsking(false)
    await onConfirm().catch((failure: unknown) => setError(asApiError(failure)))
  }
  if (error) return <span class="problem">{error.message}</span>
  return isAsking ? (
    <button type="button" class="button danger" onClick={run} onBlur={() => setAsking(false)}>
      {confirm}
    </button>
  ) : (
    <button type="button" class="button" onClick={() => setAsking(true)}>
      {label}
    </button>
  )
}
