import { builder } from './builder.ts'
import { Report } from './report.ts'
import { pageArgs, ReportEventConnection, ReportEventKind, readReportEvents } from './report-event.ts'
import { counts, type TypeCount, typeCount, typeCounts } from './stream-fields.ts'

const ReportEventKindCount = builder
  .objectRef<TypeCount<typeof ReportEventKind.$inferType>>('ReportEventKindCount')
  .implement({
    description: 'A kind of event that occurs in a report, and how often.',
    fields: (t) => ({
      type: t.expose('type', { type: ReportEventKind, description: 'The kind.' }),
      count: t.expose('count', { type: 'SafeInt', description: typeCount }),
    }),
  })

builder.prismaObjectFields(Report, (t) => ({
  eventTypes: t.field({
    type: [ReportEventKindCount],
    description: 'All kinds of events that the report has.',
    select: counts,
    resolve: typeCounts<typeof ReportEventKind.$inferType>,
  }),
  events: t.field({
    type: ReportEventConnection,
    description: 'Stored events of the report, as pages, like reportEvents.',
    args: pageArgs,
    resolve: ({ id }, request, context, info) => readReportEvents(id, request, context, info),
  }),
}))
