import { CodedError } from '../errors.ts'
import { builder } from './builder.ts'
import { reportEventOf } from './decoded.ts'
import { BlockUpdateEvent, ProgressEvent, StateEvent } from './report-event.ts'
import { WorkerEvent, workerEventsOf } from './worker-event.ts'

const Event = builder.unionType('Event', {
  description: 'An event of a dataset or of a report.',
  types: [WorkerEvent, ProgressEvent, BlockUpdateEvent, StateEvent],
  resolveType: (event) => {
    if (!('data' in event)) return 'WorkerEvent'
    switch (event.data.type) {
      case 'progress':
        return 'ProgressEvent'
      case 'report_block_update':
        return 'BlockUpdateEvent'
      case 'report_state_update':
        return 'StateEvent'
    }
  },
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
    resolve: async (_root, { id, datasetId, reportId }, context) => {
      if ((datasetId == null) === (reportId == null))
        throw new CodedError('BAD_USER_INPUT', 'Set exactly one of datasetId and reportId.')
      const event = await context.log.find(String(datasetId ?? reportId), id)
      if (!event) return null
      return datasetId == null
        ? reportEventOf(event, context.budget)
        : (await workerEventsOf(datasetId, context))(event)
    },
  }),
)
