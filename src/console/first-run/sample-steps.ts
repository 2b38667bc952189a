import type { VariablesOf } from '../api/graphql.ts'
import type { RECORD_REPORT_EVENTS, RECORD_WORKER_EVENTS } from './documents.ts'

type WorkerEvent = VariablesOf<typeof RECORD_WORKER_EVENTS>['events'][number]
type ReportEvent = VariablesOf<typeof RECORD_REPORT_EVENTS>['events'][number]

const FILES = [
  'contract-1187.pdf',
  'facility-agreement.pdf',
  'spend-2026-q3.xlsx',
  'supplier-master.csv',
  'lisbon-visit.md',
]

export function* workerSteps(): Generator<WorkerEvent> {
  for (let round = 0; round < 8; round++) {
    for (const [index, name] of FILES.entries()) {
      const file_id = crypto.randomUUID()
      yield { eventType: 'FILE_UPLOADED', eventData: { file_id, file_name: name, pages: 3 + index } }
      if ((round + index) % 9 === 4) {
        yield { eventType: 'FILE_UPLOAD_FAILED', eventData: { file_id, error: 'tika: document is encrypted' } }
      } else {
        const chunk_ids = Array.from({ length: 4 + index }, () => crypto.randomUUID())
        yield {
          eventType: 'CHUNKS_UPLOADED',
          eventData: { chunk_ids, bytes_ingested: 12_000 + index, tokens_ingested: 900 },
        }
      }
    }
  }
}

const BLOCKS = [
  '## Summary\n\nExposure to a single supplier rose to **38 %** of spend [1], while headroom narrowed [2].',
  '## Supplier concentration\n\nOf 212 suppliers, the largest four carry 61 % of spend [1].\n\n' +
    '| supplier | share |\n| --- | --- |\n| Nordwerk | 38 % |\n| Lisboa | 12 % |',
  '## Liquidity and covenants\n\n- Leverage shall not exceed 3.5:1 [2]\n- Headroom: 1.9x',
]

export function* reportSteps(): Generator<ReportEvent> {
  yield { state: { state: 'PLANNING', message: 'Planning the report' } }
  yield* operation('LOAD_TEMPLATE', 1)
  yield* operation('EXTRACT_PLAN', 2)
  yield { state: { state: 'GENERATING', message: `Writing ${BLOCKS.length} blocks` } }
  yield* operation('FILE_PROCESSING', FILES.length)
  const groupId = crypto.randomUUID()
  for (const [idx, template] of BLOCKS.entries()) {
    const progress = idx / BLOCKS.length
    const message = `Writing block ${idx + 1} of ${BLOCKS.length}`
    yield { progress: { groupId, variant: 'GENERATE_BLOCK', status: 'IN_PROGRESS', progress, message } }
    const sources = FILES.slice(idx, idx + 2).map((name, index) => ({
      score: 0.93 - index / 10,
      node: { text: `An excerpt of ${name}.`, metadata: { file_name: name } },
    }))
    yield { blockUpdate: { block: { idx, template, sources } } }
  }
  yield {
    progress: {
      groupId,
      variant: 'GENERATE_BLOCK',
      status: 'COMPLETED',
      progress: 1,
      message: 'All blocks are written',
    },
  }
  yield { state: { state: 'COMPLETED', message: 'The report is finished' } }
}

function* operation(
  variant: 'LOAD_TEMPLATE' | 'EXTRACT_PLAN' | 'FILE_PROCESSING',
  steps: number,
): Generator<ReportEvent> {
  const groupId = crypto.randomUUID()
  for (let step = 0; step <= steps; step++) {
    const status = step < steps ? 'IN_PROGRESS' : 'COMPLETED'
    yield { progress: { groupId, variant, status, progress: step / steps, message: `Step ${step} of ${steps}` } }
  }
}
