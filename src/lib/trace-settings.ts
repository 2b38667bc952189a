import { z } from 'zod'

const collectorUrl = z
  .url({ protocol: /^https?$/, error: 'the URL of an OTLP collector, such as http://127.0.0.1:4318' })
  .optional()

/** OpenTelemetry's variables that decide whether and how traces are sent; its SDK reads the others itself. */
export const TRACE_SETTINGS = {
  OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl.describe('OTLP collector for traces'),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collectorUrl.describe('the same, for traces alone'),
  OTEL_EXPORTER_OTLP_PROTOCOL: z.string().optional().describe('http/json'),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: z.string().optional().describe('the same, for traces alone'),
  OTEL_PROPAGATORS: z.string().optional().describe('tracecontext, baggage or none'),
  OTEL_SDK_DISABLED: z.string().optional().describe('true sends no traces'),
  OTEL_TRACES_EXPORTER: z.string().optional().describe('otlp, or none to send no traces'),
  OTEL_TRACES_SAMPLER: z.string().optional().describe('which traces are sent, such as traceidratio'),
}

const SAMPLERS = ['always_on', 'always_off', 'traceidratio']

type TraceSettings = Readonly<Partial<Record<keyof typeof TRACE_SETTINGS, string>>>

/** Whether traces are sent; `joined`: as parts of the traces of callers. */
export type TraceConfig = false | { readonly joined: boolean }

export function tracingOf(settings: TraceSettings): TraceConfig {
  const collector = settings.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? settings.OTEL_EXPORTER_OTLP_ENDPOINT
  const isOff = settings.OTEL_SDK_DISABLED?.toLowerCase() === 'true' || settings.OTEL_TRACES_EXPORTER === 'none'
  if (collector === undefined || isOff) return false
  return { joined: listOf(settings.OTEL_PROPAGATORS ?? 'tracecontext').includes('tracecontext') }
}

/** What cannot be honoured, as "NAME must be …"; empty where no traces are sent. */
export function traceProblems(settings: TraceSettings): string[] {
  if (!tracingOf(settings)) return []
  const allowed = {
    OTEL_EXPORTER_OTLP_PROTOCOL: ['http/json'],
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: ['http/json'],
    OTEL_TRACES_EXPORTER: ['otlp', 'none'],
    // The server calls no other service, so baggage has nowhere to go.
    OTEL_PROPAGATORS: ['tracecontext', 'baggage', 'none'],
    // The SDK would send all traces.
    OTEL_TRACES_SAMPLER: [...SAMPLERS, ...SAMPLERS.map((sampler) => `parentbased_${sampler}`)],
  } as const
  return Object.entries(allowed).flatMap(([name, values]) => {
    const given = listOf(settings[name as keyof typeof allowed] ?? '')
    const isAllowed = given.every((value) => (values as readonly string[]).includes(value))
    return isAllowed ? [] : [`${name} must be ${values.join(' or ')}, or unset, while traces are sent`]
  })
}

function listOf(text: string): string[] {
  return text.split(',').flatMap((value) => value.trim() || [])
}
