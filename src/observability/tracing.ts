import { type Context, ROOT_CONTEXT, SpanKind, type SpanOptions, SpanStatusCode, trace } from '@opentelemetry/api'
import { ExportResultCode, W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base'
import type { Logger } from 'pino'
import type { Span, Tracing } from '../lib/span.ts'
import { withTimeout } from '../lib/timeout.ts'
import { version } from '../lib/version.ts'

const FLUSH_MS = 1_500

const HEADERS = {
  get: (headers: Readonly<Record<string, unknown>>, name: string) => headers[name] as string | undefined,
  keys: Object.keys,
}

/** Exports spans by OTLP/HTTP as OTEL_* variables say; parents are passed explicitly, without OpenTelemetry globals. */
export function openTracing({ joined }: { joined: boolean }, logger: Logger): Tracing {
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'tidemark', 'service.version': version }).merge(
      detectResources({ detectors: [envDetector] }),
    ),
    spanProcessors: [new BatchSpanProcessor(telling(new OTLPTraceExporter(), logger))],
  })
  const tracer = provider.getTracer('tidemark', version)
  const propagator = new W3CTraceContextPropagator()

  function start(name: string, parent: Context, options: SpanOptions): Span & { sampled: boolean } {
    const span = tracer.startSpan(name, options, parent)
    const within = trace.setSpan(parent, span)
    return {
      sampled: span.isRecording(),
      traceId: span.spanContext().traceId,
      child: (child, attributes) => start(child, within, { attributes }),
      end(outcome, attributes = {}) {
        span.setAttributes(attributes)
        if (outcome !== 'ok') span.setAttribute('error.type', outcome)
        // A client error is not a server error.
        if (outcome === 'INTERNAL_SERVER_ERROR') span.setStatus({ code: SpanStatusCode.ERROR })
        span.end()
      },
    }
  }

  return {
    begin(name, headers, begun, attributes) {
      const parent = joined ? propagator.extract(ROOT_CONTEXT, headers, HEADERS) : ROOT_CONTEXT
      const span = start(name, parent, { kind: SpanKind.SERVER, startTime: begun, attributes })
      return span.sampled ? span : undefined
    },
    async [Symbol.asyncDispose]() {
      await withTimeout(provider.shutdown(), FLUSH_MS).catch((err) =>
        logger.warn({ err }, 'flushing traces failed: the last ones are lost'),
      )
    },
  }
}

function telling(exporter: SpanExporter, logger: Logger): SpanExporter {
  let failing = false
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const failed = result.code !== ExportResultCode.SUCCESS
        if (failed && !failing)
          logger.warn({ err: result.error }, 'exporting traces failed: they are lost until it succeeds')
        failing = failed
        done(result)
      }),
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  }
}
