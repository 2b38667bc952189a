import { builder } from './builder.ts'
import './api-key.ts'
import './audit.ts'
import './dataset.ts'
import './live-connection.ts'
import './organization.ts'
import './redaction.ts'
import './report.ts'
import './report-event.ts'
import './report-snapshot.ts'
import './retention.ts'
import './worker-event.ts'

/** The whole schema. Building it touches neither database nor environment. */
export const schema = builder.toSchema()
