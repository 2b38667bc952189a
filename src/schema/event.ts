import { CodedError } from '../errors.ts'
import type { ReportEventData } from '../log/report/report-data.ts'
import { builder } from './builder.ts'
import { decodeAll } from './decoded.ts'
import { selectedPrefix } from './payload-fields.ts'
import { BlockUpdateEvent, OBJECT_OF, ProgressEvent, StateEvent } from './report-event.ts'
import { WorkerEvent, workerEventsOf } from './worker-event.ts'

const Event = builder.unionType('Event', {
  description: 'An event of a dataset or of a report.',
  types: [WorkerEvent, ProgressEvent, BlockUpdateEvent, StateEvent],
  resolveType: (shape) => ('data' in shape ? OBJECT_OF[shape.event.type as ReportEventData['type']] : 'WorkerEvent'),
})

builder.queryField('event', (t) =>
  t.field({
    type: Event,
    nullable: true,
    description:
      'Finds an event by its id and the id of its dataset or report. Null if there is no such event, or if it is no ' +
      'longer kept. Requires READ on the dataset or report. Errors: NOT_FOUND if it does not exist or the key cannot ' +
      'access it.',
    // What is given is checked in any case; nothing or both is rejected by the resolver.
    authScopes: (_root, { datasetId, reportId }) => ({
      $all: {
        authenticated: true,
        ...(datasetId && { readDataset: datasetId }),
        ...(reportId && { readReport: reportId }),
      },
    }),
    args: {
      id: t.arg({ type: 'UUID', required: true, description: 'Id of the event, unique only within its stream.' }),
      datasetId: t.arg({
        type: 'UUID',
        description: 'Dataset of the event. Set exactly one of datasetId and reportId.',
      }),
      reportId: t.arg({ type: 'UUID', description: 'Report of the event.' }),
    },
    resolve: async (_root, { id, datasetId, reportId }, context, info) => {
      if ((datasetId == null) === (reportId == null))
        throw new CodedError('BAD_USER_INPUT', 'Set exactly one of datasetId and reportId.')
      const prefix = selectedPrefix(info)
      const event = await context.log.find(String(datasetId ?? reportId), id, prefix)
      if (!event) return null
      return datasetId == null
        ? (await decodeAll([event], prefix, context.budget))[0]
        : (await workerEventsOf(datasetId, context))(event)
    },
  }),
)
