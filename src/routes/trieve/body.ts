import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import { CodedError } from '../../errors.ts'
import type { Holding } from '../../lib/budget/memory-budget.ts'
import { readBody } from '../../lib/read-body.ts'
import { ByteLimitError } from '../../lib/read-bytes.ts'
import { TrieveError } from './error.ts'
import { GetEventsData } from './schema.ts'

/** Maximum body, unless a setting is lower; a request for all 24 types has under 1/1000 of it. */
const MAX_BODY_BYTES = 1_048_576

const ADVICE = {
  'Content type header error':
    'Ensure the content type request header of the HTTP request is set as `Content-Type: application/json`.',
  'Unexpected end of JSON input': 'Ensure that the JSON payload is complete and not truncated.',
  'Syntax error in JSON': 'Fix syntax errors in the JSON payload to adhere to JSON formatting rules.',
  'Data error in JSON': 'Ensure that the data in the JSON payload is valid and consistent with the expected schema.',
  'Payload error': 'Check that the JSON payload matches the expected structure.',
  'Other JSON payload error': "Inspect the JSON payload and the server's handling of JSON requests for any issues.",
} as const

function bodyError(type: keyof typeof ADVICE, detail: string): TrieveError {
  return new TrieveError(400, `Json Deserialization Error: *Type* : ${type} | *Message* : ${detail} | ${ADVICE[type]}`)
}

function jsonError(type: keyof typeof ADVICE, detail: string): TrieveError {
  return bodyError(type, `Json deserialize error: ${detail}`)
}

/** Reads and validates a body. @throws TrieveError 400 of Trieve's error class, 429 when the budget is exhausted. */
export async function readTrieveBody(
  request: IncomingMessage,
  maxBytes: number,
  holding: Holding,
): Promise<GetEventsData> {
  const contentType = request.headers['content-type'] ?? null
  if (contentType !== null && !/^[^\s/;]+\/([^\s;]+\+)?json *(;.*)?$/i.test(contentType)) {
    throw bodyError('Content type header error', 'Content type error')
  }
  try {
    return check(parse(await readText(request, Math.min(maxBytes, MAX_BODY_BYTES), holding)))
  } finally {
    holding.release()
  }
}

async function readText(request: IncomingMessage, maxBytes: number, holding: Holding): Promise<string> {
  const bytes = await readUnpacked(request, maxBytes, holding).catch((error: unknown) => {
    if (error instanceof TrieveError) throw error
    if (error instanceof CodedError) throw new TrieveError(429, error.message)
    throw error instanceof ByteLimitError
      ? bodyError('Other JSON payload error', `JSON payload has exceeded limit (${maxBytes} bytes).`)
      : bodyError('Payload error', 'The payload did not arrive.')
  })
  try {
    // Keeps the byte order mark: to Trieve it is a syntax error.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw jsonError('Syntax error in JSON', 'invalid UTF-8')
  }
}

/** What Trieve unpacks, except zstd, which not every supported Node.js can. */
const UNPACKING = new Map([
  ['gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
])

async function readUnpacked(request: IncomingMessage, maxBytes: number, holding: Holding): Promise<Buffer> {
  const encoding = (request.headers['content-encoding'] || 'identity').toLowerCase()
  if (encoding === 'identity') return readBody(request, maxBytes, holding)
  const unpack = UNPACKING.get(encoding)
  if (!unpack) throw bodyError('Payload error', `The content-encoding ${encoding} is not supported.`)
  const packed = await readBody(request, maxBytes, holding)
  holding.reserve(maxBytes)
  return unpack(packed, { maxOutputLength: maxBytes }).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ERR_BUFFER_TOO_LARGE'
      ? new ByteLimitError()
      : bodyError('Payload error', `The payload is not valid ${encoding}.`)
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const position = /at position (\d+)/.exec(message)?.[1]
    const cutOff = message === 'Unexpected end of JSON input' || Number(position) === text.length
    throw cutOff
      ? jsonError('Unexpected end of JSON input', `EOF while parsing a value at ${endOf(text)}`)
      : jsonError('Syntax error in JSON', message)
  }
}

function endOf(text: string): string {
  const lines = text.split('\n')
  return `line ${lines.length} column ${Buffer.byteLength(lines.at(-1) ?? '')}`
}

function check(body: unknown): GetEventsData {
  const checked = GetEventsData.safeParse(body, { reportInput: true })
  if (checked.success) return checked.data
  const [issue] = checked.error.issues
  const place = issue?.path.join('.')
  const detail = `${issue?.message ?? 'invalid'}${place ? ` for ${place}` : ''}`
  // Trieve parses event type names as syntax: any value but a string or an object there is a syntax error.
  const name = issue?.path[0] === 'event_types' && issue.path.length > 1
  const unreadable = name && typeof issue.input !== 'string' && !isObject(issue.input)
  throw jsonError(unreadable ? 'Syntax error in JSON' : 'Data error in JSON', detail)
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
