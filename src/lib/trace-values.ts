import { accessSync, constants, statSync } from 'node:fs'

/** The form of a value, as "must be …", and whether a value has it. */
type Form = readonly [form: string, fits: (text: string) => boolean]

const SAMPLERS = ['always_on', 'always_off', 'traceidratio']

const header: Form = [
  'headers such as api-key=secret,x-team=a, with "," as %2C, ";" as %3B and "%" as %25 in their values',
  (text) => !text.includes(';') && everyPair(text, isHeader),
]

const time = whole('of milliseconds', 1)

const compression = oneOf('gzip', 'none')

const file: Form = ['a file that can be read', isReadable]

/**
 * What must hold for variables of OpenTelemetry while traces are sent. Its SDK reads most of them itself, and would do
 * without a value that it does not understand: send all traces, or none because the collector lacks a header.
 */
export const TRACE_VALUES: Readonly<Record<string, Form>> = {
  OTEL_SDK_DISABLED: ['true or false', (text) => /^(true|false)$/i.test(text)],
  OTEL_EXPORTER_OTLP_PROTOCOL: oneOf('http/json'),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: oneOf('http/json'),
  OTEL_TRACES_EXPORTER: oneOf('otlp', 'none'),
  // The server calls no other service, so baggage has nowhere to go.
  OTEL_PROPAGATORS: someOf('tracecontext', 'baggage', 'none'),
  OTEL_TRACES_SAMPLER: oneOf(...SAMPLERS, ...SAMPLERS.map((sampler) => `parentbased_${sampler}`)),
  OTEL_TRACES_SAMPLER_ARG: [
    'a number from 0 to 1',
    (text) => /\d/.test(text) && Number(text) >= 0 && Number(text) <= 1,
  ],
  OTEL_EXPORTER_OTLP_HEADERS: header,
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: header,
  OTEL_EXPORTER_OTLP_TIMEOUT: time,
  OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: time,
  OTEL_EXPORTER_OTLP_COMPRESSION: compression,
  OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: compression,
  OTEL_EXPORTER_OTLP_CERTIFICATE: file,
  OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: file,
  OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: file,
  OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE: file,
  OTEL_EXPORTER_OTLP_CLIENT_KEY: file,
  OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: file,
  OTEL_BSP_SCHEDULE_DELAY: whole('of milliseconds', 0),
  OTEL_BSP_EXPORT_TIMEOUT: time,
  OTEL_BSP_MAX_QUEUE_SIZE: whole('of spans', 1),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: whole('of spans', 1),
  OTEL_ATTRIBUTE_COUNT_LIMIT: whole('of attributes', 0),
  OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: whole('of attributes', 0),
  OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: whole('of characters', 0),
  OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: whole('of characters', 0),
  OTEL_RESOURCE_ATTRIBUTES: [
    'attributes such as service.namespace=a,deployment.environment.name=b, of at most 255 characters each, with "," ' +
      'as %2C, "=" as %3D and "%" as %25 in their values',
    (text) => listOf(text).every((pair) => pair.split('=').length === 2) && everyPair(text, isAttribute),
  ],
}

function oneOf(...values: string[]): Form {
  return [values.join(' or '), (text) => values.includes(text)]
}

function someOf(...values: string[]): Form {
  return [values.join(' or '), (text) => listOf(text).every((value) => values.includes(value))]
}

function whole(unit: string, least: number): Form {
  return [
    `a whole number ${unit} from ${least} to 999999999`,
    (text) => /^\d{1,9}$/.test(text) && Number(text) >= least,
  ]
}

/** The values of a list that is separated by commas. */
export function listOf(text: string): string[] {
  return text.split(',').flatMap((value) => value.trim() || [])
}

function everyPair(list: string, fits: (name: string, value: string) => boolean): boolean {
  try {
    return listOf(list).every((pair) => {
      const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(pair) ?? []
      return fits(decodeURIComponent(name.trim()), decodeURIComponent(value.trim()))
    })
  } catch (error) {
    if (error instanceof URIError) return false
    throw error
  }
}

function isHeader(name: string, value: string): boolean {
  return /^[!#$%&'*+.^_`|~\w-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]+$/.test(value)
}

function isAttribute(name: string, value: string): boolean {
  return name.length > 0 && name.length <= 255 && value.length <= 255
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return !statSync(path).isDirectory()
  } catch {
    return false
  }
}
