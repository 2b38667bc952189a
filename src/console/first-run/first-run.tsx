import { useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { type ApiError, asApiError } from '../api/api-error.ts'
import { loadStreams } from '../layout/streams.ts'
import { Failure } from '../ui/failure.tsx'
import { createFirstDataset } from './first-dataset.ts'

export function FirstRun() {
  const { route } = useLocation()
  const [error, setError] = useState<ApiError | undefined>()
  const [isBusy, setBusy] = useState(false)
  const run = (make: () => Promise<string>) => async () => {
    setBusy(true)
    setError(undefined)
    try {
      const path = await make()
      await loadStreams()
      route(path)
    } catch (failure) {
      setError(asApiError(failure))
    } finally {
      setBusy(false)
    }
  }
  const runSample = async () => (await import('./sample-pipeline.ts')).startSamplePipeline()
  return (
    <div class="body">
      <h1>Nothing is recorded here yet</h1>
      <div class="card stack">
        <h2>Record a first event</h2>
        <p>Creates a dataset and records an event in it. Then see how it looks to your programs.</p>
        <button type="button" class="button primary" disabled={isBusy} onClick={run(createFirstDataset)}>
          Create a dataset with an event
        </button>
      </div>
      <div class="card stack">
        <h2>See the log move</h2>
        <p>
          This page plays a worker and a report workflow: it records for about a minute, into a dataset and a report.
        </p>
        <button type="button" class="button primary" disabled={isBusy} onClick={run(runSample)}>
          Start a sample pipeline
        </button>
      </div>
      {error && <Failure error={error} />}
    </div>
  )
}
