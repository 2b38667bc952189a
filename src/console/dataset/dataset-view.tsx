import './dataset.css'
import { useEffect, useState } from 'preact/hooks'
import { type ApiError, asApiError } from '../api/api-error.ts'
import { Failure } from '../ui/failure.tsx'
import { DatasetPage } from './dataset-page.tsx'
import { openTail, type Tail } from './tail.ts'

/** A dataset at /datasets/ID; its query holds filter, position and opened event. */
export default function DatasetView({ id }: { id: string }) {
  const [tail, setTail] = useState<Tail | undefined>()
  const [error, setError] = useState<ApiError | undefined>()
  const [attempt, setAttempt] = useState(0)
  useEffect(() => {
    let opened: Tail | undefined
    let isOver = false
    openTail(id).then(
      (found) => {
        opened = found
        if (isOver) found.close()
        else setTail(found)
      },
      (failure: unknown) => !isOver && setError(asApiError(failure)),
    )
    return () => {
      isOver = true
      opened?.close()
      setTail(undefined)
      setError(undefined)
    }
  }, [id, attempt])
  if (error) return <Failure error={error} onRetry={() => setAttempt(attempt + 1)} />
  if (!tail) return <p class="loading">Loading the dataset …</p>
  return <DatasetPage key={id} tail={tail} />
}
