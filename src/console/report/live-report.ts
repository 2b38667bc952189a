import { type Signal, signal } from '@preact/signals'
import { ApiError } from '../api/api-error.ts'
import { connectionState } from '../api/connection.ts'
import { Continuity } from '../api/continuity.ts'
import { follow } from '../api/follow.ts'
import { request } from '../api/request.ts'
import { REPORT, REPORT_EVENT, REPORT_EVENTS } from './documents.ts'
import { fold, fromSnapshot, type Report, type ReportEvent, type ReportState } from './report-state.ts'

const KEPT_EVENTS = 200

/** Events from before the page was opened that are listed. */
const EARLIER_EVENTS = 50

/** A report as it is now: its snapshot, and then what is recorded. */
export class LiveReport {
  readonly report: Report
  readonly state: Signal<ReportState>
  readonly continuity: Continuity
  /** The newest events, oldest of them first. */
  readonly events = signal<readonly ReportEvent[]>([])
  readonly error = signal<ApiError | undefined>()
  readonly #stop: () => void
  readonly #unwatch: () => void

  constructor(report: Report) {
    this.report = report
    this.state = signal(fromSnapshot(report))
    this.continuity = new Continuity(report.head)
    const source = { stream: { reportId: report.id }, fragments: REPORT_EVENT, after: report.snapshot.cursor }
    this.#stop = follow(source, {
      next: ({ edges, behind }) =>
        this.#arrive(
          edges.map(({ node }) => node),
          behind,
        ),
      error: (error) => {
        this.error.value = error
      },
    })
    void this.#readEarlier()
    this.#unwatch = connectionState.subscribe(({ kind }) => {
      if (kind === 'reconnecting') this.continuity.broke()
    })
  }

  close(): void {
    this.#stop()
    this.#unwatch()
  }

  // Without them, the list only has less.
  async #readEarlier(): Promise<void> {
    const { id, head } = this.report
    const answer = await request(REPORT_EVENTS, { id, last: EARLIER_EVENTS }).catch(() => undefined)
    const earlier = answer?.reportEvents.edges.map(({ node }) => node).filter(({ seq }) => seq <= head) ?? []
    this.events.value = [...earlier, ...this.events.peek()].slice(-KEPT_EVENTS)
  }

  #arrive(events: readonly ReportEvent[], behind: number): void {
    this.continuity.arrived(
      events.map(({ seq }) => seq),
      behind,
    )
    this.state.value = fold(this.state.peek(), events)
    this.events.value = [...this.events.peek(), ...events].slice(-KEPT_EVENTS)
  }
}

/** @throws ApiError NOT_FOUND if there is none that the key can see. */
export async function openReport(id: string): Promise<LiveReport> {
  const { report } = await request(REPORT, { id })
  if (!report) throw new ApiError('This report does not exist, or the key cannot access it.', 'NOT_FOUND')
  return new LiveReport(report)
}
