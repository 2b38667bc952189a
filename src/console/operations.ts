import { print } from '@0no-co/graphql.web'
import type { DocumentNode } from 'graphql'
import { batchesOf } from '../client/documents.ts'
import { countDocument, MOST_RANGES } from './api/count-document.ts'
import { eventFields } from './api/event-fields.ts'
import * as dataset from './dataset/documents.ts'
import * as firstRun from './first-run/documents.ts'
import * as layout from './layout/documents.ts'
import * as operate from './operate/documents.ts'
import * as report from './report/documents.ts'
import * as session from './session/documents.ts'

const written = [dataset, firstRun, layout, operate, report, session]
  .flatMap((documents) => Object.values(documents) as (DocumentNode | readonly DocumentNode[])[])
  .flatMap((exported) => [exported].flat())
  .filter(({ definitions }) => definitions.some(({ kind }) => String(kind) === 'OperationDefinition'))

/** The text of everything that the console asks: a server with a list of operations has these on it, too. */
export const OPERATIONS: readonly string[] = [
  ...written.map((document) => print(document)),
  ...(['datasetId', 'reportId'] as const).flatMap((of) =>
    Array.from({ length: MOST_RANGES }, (_, index) => print(countDocument(of, index + 1))),
  ),
  batchesOf({ datasetId: '' }, eventFields([dataset.EVENT_ROW])),
  batchesOf({ reportId: '' }, eventFields(report.REPORT_EVENT)),
]
