import { builder } from './builder.ts'
import { nameAllowedValues } from './enum-errors.ts'
import './api-key.ts'
import './audit.ts'
import './dataset.ts'
import './dataset-events.ts'
import './event.ts'
import './live-connection.ts'
import './organization.ts'
import './redaction.ts'
import './report.ts'
import './report-event.ts'
import './report-events.ts'
import './report-snapshot.ts'
import './retention.ts'
import './worker-event.ts'

/** Builds without database or environment. */
export const schema = nameAllowedValues(builder.toSchema())
