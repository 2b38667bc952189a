import { z } from 'zod'
import { listOf, TRACE_VALUES } from './trace-values.ts'

const collectorUrl = z
  .url({ protocol: /^https?$/, error: 'the URL of an OTLP collector, such as http://127.0.0.1:4318' })
  .optional()

/** OpenTelemetry's variables that decide whether and how traces are sent; `TRACE_VALUES` has all that are checked. */
export const TRACE_SETTINGS = {
  OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl.describe('OTLP collector for traces'),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collectorUrl.describe('the same, for traces alone'),
  OTEL_EXPORTER_OTLP_PROTOCOL: z.string().optional().describe('http/json'),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: z.string().optional().describe('the same, for traces alone'),
  OTEL_EXPORTER_OTLP_HEADERS: z.string().optional().describe('headers for the collector, such as api-key=secret'),
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: z.string().optional().describe('the same, for traces alone'),
  OTEL_PROPAGATORS: z.string().optional().describe('tracecontext, baggage or none'),
  OTEL_SDK_DISABLED: z.string().optional().describe('true sends no traces'),
  OTEL_TRACES_EXPORTER: z.string().optional().describe('otlp, or none to send no traces'),
  OTEL_TRACES_SAMPLER: z.string().optional().describe('which traces are sent, such as traceidratio'),
  OTEL_TRACES_SAMPLER_ARG: z.string().optional().describe('share of them, 0 to 1, of traceidratio'),
}

type TraceSettings = Readonly<Partial<Record<keyof typeof TRACE_SETTINGS, string>>>

/** Whether traces are sent; `joined`: as parts of the traces of callers. */
export type TraceConfig = false | { readonly joined: boolean }

export function tracingOf(settings: TraceSettings): TraceConfig {
  const collector = settings.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? settings.OTEL_EXPORTER_OTLP_ENDPOINT
  const isOff = settings.OTEL_SDK_DISABLED?.toLowerCase() === 'true' || settings.OTEL_TRACES_EXPORTER === 'none'
  if (collector === undefined || isOff) return false
  return { joined: listOf(settings.OTEL_PROPAGATORS ?? 'tracecontext').includes('tracecontext') }
}

/** What cannot be honoured, as "NAME must be …"; empty where no traces are sent. @param env also of other variables. */
export function traceProblems(env: Readonly<Record<string, string | undefined>>): string[] {
  if (!tracingOf(env)) return []
  return Object.entries(TRACE_VALUES).flatMap(([name, [form, fits]]) => {
    const value = env[name]
    // Values can be secrets.
    return value === undefined || fits(value) ? [] : [`${name} must be ${form}, or unset, while traces are sent`]
  })
}
