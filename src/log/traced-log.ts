import { type Span, step } from '../lib/span.ts'
import type { LogOperations } from './event-log.ts'

export type CallLog = LogOperations

/** The log, with each operation traced as a step of the call. */
export function traceLog(log: CallLog, span: Span | undefined): CallLog {
  if (!span) return log
  return {
    append: (id, events) => step(span, 'append', () => log.append(id, events), { 'tidemark.events': events.length }),
    import: (id, events) => step(span, 'import', () => log.import(id, events), { 'tidemark.events': events.length }),
    findStream: (id) => step(span, 'findStream', () => log.findStream(id)),
    find: (id, eventId) => step(span, 'find', () => log.find(id, eventId)),
    redact: (...redaction) => step(span, 'redact', () => log.redact(...redaction)),
    page: (stream, request, reading) => step(span, 'page', () => log.page(stream, request, reading)),
    offsetPage: (id, request, reading) => step(span, 'offsetPage', () => log.offsetPage(id, request, reading)),
    at: (id, positions, reading) => step(span, 'at', () => log.at(id, positions, reading)),
    reportSnapshot: (id, reading) => step(span, 'reportSnapshot', () => log.reportSnapshot(id, reading)),
    follow: (stream, request) => log.follow(stream, request),
  }
}
