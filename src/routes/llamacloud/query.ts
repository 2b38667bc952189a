import { z } from '@hono/zod-openapi'
import { readUuid } from '../../lib/uuid-text.ts'
import { parseDatetime } from './datetime-text.ts'

// zod issues carry pydantic's errors: `type` and `ctx` in their params, `loc` as their path.

const uuid = z
  .string()
  .transform((text, { addIssue }) => {
    const read = readUuid(text)
    if ('uuid' in read) return read.uuid
    addIssue({
      code: 'custom',
      message: `Input should be a valid UUID, ${read.problem}`,
      params: { type: 'uuid_parsing', ctx: { error: read.problem } },
    })
    return z.NEVER
  })
  .openapi({ type: 'string', format: 'uuid' })

const after = z
  .string()
  .transform((text, { addIssue }) => {
    const read = parseDatetime(text)
    // Timestamps are whole milliseconds, so strictly later begins at the next one.
    if ('millis' in read) return new Date(read.millis + 1)
    const range = read.type === 'datetime_parsing' ? 'datetime' : 'datetime or date'
    addIssue({
      code: 'custom',
      message: `Input should be a valid ${range}, ${read.problem}`,
      params: { type: read.type, ctx: { error: read.problem } },
    })
    return z.NEVER
  })
  .openapi({ type: 'string', format: 'date-time' })

const lastSequence = z
  .string()
  .transform((text, { addIssue }) => {
    const digits = /^\s*([+-]?\d+(?:_\d+)*)(?:\.0+)?\s*$/.exec(text)?.[1]?.replaceAll('_', '')
    if (digits !== undefined) return Math.min(Number(digits), Number.MAX_SAFE_INTEGER)
    addIssue({
      code: 'custom',
      message: 'Input should be a valid integer, unable to parse string as an integer',
      params: { type: 'int_parsing' },
    })
    return z.NEVER
  })
  .openapi({ type: 'integer' })

export const ReportPath = z.object({ report_id: uuid.openapi({ description: 'The id of the report.' }) })

/** Other parameters are ignored. */
export const ReportQuery = z.object({
  after: after.optional().openapi({
    description:
      'Return only events with a later timestamp. An ISO 8601 date or time (UTC if it has no time zone), or a Unix ' +
      'time in seconds or milliseconds.',
    example: '2024-07-29T15:51:28.071Z',
  }),
  last_sequence: lastSequence.optional().openapi({
    description:
      'Return only events after this position in the report, where 1 is the first event. Used by older clients.',
    example: 3,
  }),
  project_id: uuid
    .optional()
    .openapi({ description: 'Project of the report. Any other value returns 404, unless the report has no project.' }),
  organization_id: uuid.optional().openapi({ description: 'Organization of the report. Any other value returns 404.' }),
})

const Request = z.object({ path: ReportPath, query: ReportQuery })

export type ReportRequest = z.infer<typeof Request>

/** One entry of a 422, with keys in pydantic's order. */
interface ValidationProblem {
  type: string
  loc: string[]
  msg: string
  input: unknown
  ctx?: { error: string }
}

export type CheckedRequest =
  | { readonly request: ReportRequest; readonly problems?: undefined }
  | { readonly request?: undefined; readonly problems: ValidationProblem[] }

/** Validates the parameters and lists all problems in their order; the last value of a repeated one counts. */
export function checkReportRequest(reportId: string, search: URLSearchParams): CheckedRequest {
  const checked = Request.safeParse(
    { path: { report_id: reportId }, query: Object.fromEntries(search) },
    { reportInput: true },
  )
  return checked.success ? { request: checked.data } : { problems: checked.error.issues.map(toProblem) }
}

function toProblem(issue: z.core.$ZodIssue): ValidationProblem {
  const { type, ctx } = issue.code === 'custom' ? (issue.params ?? {}) : { type: 'value_error', ctx: undefined }
  return {
    type,
    loc: issue.path.map(String),
    msg: issue.message,
    input: issue.input,
    ctx,
  }
}
