import type { ReportState } from './report-state.ts'

const STEPS = ['PENDING', 'PLANNING', 'WAITING_APPROVAL', 'GENERATING', 'COMPLETED'] as const

const LABELS: Record<(typeof STEPS)[number], string> = {
  PENDING: 'Pending',
  PLANNING: 'Planning',
  WAITING_APPROVAL: 'Approval',
  GENERATING: 'Generating',
  COMPLETED: 'Completed',
}

export function Stepper({ state: { state } }: { state: ReportState }) {
  const current = state?.state ?? 'PENDING'
  const failed = current === 'ERROR'
  const reached = failed ? -1 : STEPS.indexOf(current)
  return (
    <ol class="steps" aria-label="State">
      {STEPS.map((step, index) => {
        const isDone = index < reached || (step === 'COMPLETED' && index === reached)
        const kind = isDone ? 'done' : index === reached ? 'now' : ''
        return (
          <li key={step} class={kind} aria-current={index === reached ? 'step' : undefined}>
            {isDone ? '✓ ' : kind === 'now' ? '● ' : ''}
            {LABELS[step]}
          </li>
        )
      })}
      {failed && (
        <li class="bad" aria-current="step">
          ✕ Error
        </li>
      )}
    </ol>
  )
}
