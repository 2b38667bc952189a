import './report.css'
import { useEffect, useState } from 'preact/hooks'
import { type ApiError, asApiError } from '../api/api-error.ts'
import { Failure } from '../ui/failure.tsx'
import { type LiveReport, openReport } from './live-report.ts'
import { ReportPage } from './report-page.tsx'

export default function ReportView({ id }: { id: string }) {
  const [live, setLive] = useState<LiveReport | undefined>()
  const [error, setError] = useState<ApiError | undefined>()
  const [attempt, setAttempt] = useState(0)
  useEffect(() => {
    let opened: LiveReport | undefined
    let isOver = false
    openReport(id).then(
      (found) => {
        opened = found
        if (isOver) found.close()
        else setLive(found)
      },
      (failure: unknown) => !isOver && setError(asApiError(failure)),
    )
    return () => {
      isOver = true
      opened?.close()
      setLive(undefined)
      setError(undefined)
    }
  }, [id, attempt])
  if (error) return <Failure error={error} onRetry={() => setAttempt(attempt + 1)} />
  if (!live) return <p class="loading">Loading the report …</p>
  return <ReportPage key={id} live={live} />
}
