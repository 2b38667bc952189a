import { lower } from '../ui/format.ts'
import type { Progress, ReportState } from './report-state.ts'

export function Operations({ state }: { state: ReportState }) {
  const operations = [...state.operations.entries()]
  if (operations.length === 0) return null
  const newest = operations.map(([, event]) => event).reduce((a, b) => (a.seq > b.seq ? a : b))
  return (
    <section class="card operations" aria-label="Operations">
      {operations.map(([key, event]) => (
        <Operation key={key} event={event} />
      ))}
      <p class="sub">{newest.message}</p>
    </section>
  )
}

function Operation({ event: { variant, progress, status, message } }: { event: Progress }) {
  const name = lower(variant).replace('_', ' ')
  const part = status === 'COMPLETED' ? 1 : Math.min(1, Math.max(0, progress ?? 0))
  const percent = progress === null && status !== 'COMPLETED' ? '' : `${Math.round(part * 100)} %`
  return (
    <div class={`operation ${lower(status)}`} title={message}>
      <b>{name.charAt(0).toUpperCase() + name.slice(1)}</b>
      <progress value={part} max={1} aria-label={name} />
      <span>{percent}</span>
      <span class="status">{lower(status).replace('_', ' ')}</span>
    </div>
  )
}
