import { ApiError } from '../api/api-error.ts'
import { request } from '../api/request.ts'
import { CREATE_DATASET, CREATE_REPORT, RECORD_REPORT_EVENTS, RECORD_WORKER_EVENTS } from './documents.ts'
import { ownOrganization } from './first-dataset.ts'
import { reportSteps, workerSteps } from './sample-steps.ts'

/** Milliseconds between two events. */
const PACE_MS = 700

/** Records as a worker and a workflow would, while this page is open. @returns the path of the dataset. */
export async function startSamplePipeline(): Promise<string> {
  const organizationId = await ownOrganization()
  const trackingId = `sample-${new Date().toISOString()}`
  const { createDataset } = await request(CREATE_DATASET, { organizationId, name: 'Sample documents', trackingId })
  const { createReport } = await request(CREATE_REPORT, { organizationId, name: 'Sample report' })
  if (!createDataset || !createReport) throw new ApiError('The streams were not created.', 'INTERNAL_SERVER_ERROR')
  void record(createDataset.id, createReport.id).catch(() => undefined)
  return `/datasets/${createDataset.id}`
}

async function record(datasetId: string, reportId: string): Promise<void> {
  const worker = workerSteps()
  const report = reportSteps()
  for (let isOver = false; !isOver; ) {
    const [event, step] = [worker.next(), report.next()]
    if (!event.done) await request(RECORD_WORKER_EVENTS, { id: datasetId, events: [event.value] })
    if (!step.done) await request(RECORD_REPORT_EVENTS, { id: reportId, events: [step.value] })
    isOver = Boolean(event.done && step.done)
    await new Promise((resolve) => setTimeout(resolve, PACE_MS))
  }
}
