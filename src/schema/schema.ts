import { builder } from './builder.ts'
import { nameAllowedValues } from './enum-errors.ts'
import './api-key.ts'
import './audit.ts'
import './dataset.ts'
import './live-connection.ts'
import './organization.ts'
import './redaction.ts'
import './report.ts'
import './report-event.ts'
import './report-event-batch.ts'
import './report-snapshot.ts'
import './retention.ts'
import './worker-event.ts'
import './worker-event-batch.ts'

/** Builds without database or environment. */
export const schema = nameAllowedValues(builder.toSchema())
