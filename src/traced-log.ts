import type { LogOperations } from './log/event-log.ts'
import { type Span, step } from './span.ts'

/** What an operation does with the log. */
export type CallLog = LogOperations

/** The log, each of whose answers is a step of the call. */
export function traceLog(log: CallLog, span: Span | undefined): CallLog {
  if (!span) return log
  return {
    append: (id, events) => step(span, 'append', () => log.append(id, events), { 'tidemark.events': events.length }),
    import: (id, events) => step(span, 'import', () => log.import(id, events), { 'tidemark.events': events.length }),
    find: (id, eventId) => step(span, 'find', () => log.find(id, eventId)),
    redact: (event, data, along) => step(span, 'redact', () => log.redact(event, data, along)),
    page: (id, request) => step(span, 'page', () => log.page(id, request)),
    offsetPage: (id, request) => step(span, 'offsetPage', () => log.offsetPage(id, request)),
    reportSnapshot: (id) => step(span, 'reportSnapshot', () => log.reportSnapshot(id)),
    follow: (id, request) => step(span, 'follow', () => log.follow(id, request)),
  }
}
