import { useCallback, useEffect, useState } from 'preact/hooks'
import { type ApiError, asApiError } from '../api/api-error.ts'

interface Answer<Value> {
  value: Value | undefined
  error: ApiError | undefined
  reload(): void
}

/** @param everyMs milliseconds between two requests while the page is visible; absent: one request. */
export function useAnswer<Value>(ask: () => Promise<Value>, everyMs?: number): Answer<Value> {
  const [value, setValue] = useState<Value | undefined>()
  const [error, setError] = useState<ApiError | undefined>()
  const reload = useCallback(() => {
    ask().then(
      (answer) => {
        setValue(() => answer)
        setError(undefined)
      },
      (failure: unknown) => setError(asApiError(failure)),
    )
  }, [])
  useEffect(() => {
    reload()
    if (everyMs === undefined) return
    const timer = setInterval(() => document.hidden || reload(), everyMs)
    return () => clearInterval(timer)
  }, [reload, everyMs])
  return { value, error, reload }
}
