import { z } from 'zod'

export type Limits = Readonly<{
  depth: number
  /** Aliases and directives inside a fragment count once per spread. */
  aliases: number
  directives: number
  tokens: number
  /** Estimated result values; a list counts at its maximum length. */
  cost: number
  /** Of a request body, and of a WebSocket message. */
  bodyBytes: number
  operationsPerSocket: number
  /** WebSockets and SSE streams of one key on this server. */
  socketsPerKey: number
  requestsPerMinute: number
}>

function upTo(most: number, standard: number, meaning: string) {
  const expectation = `a whole number, 1 to ${most}`
  return z
    .string()
    .regex(/^[1-9]\d{0,9}$/, expectation)
    .transform(Number)
    .refine((value) => value <= most, expectation)
    .default(standard)
    .describe(meaning)
}

/** The default cost fits all event fields on a page of 1,000. */
export const LIMIT_SETTINGS = {
  MAX_DEPTH: upTo(1_000, 12, 'nesting of fields in an operation'),
  MAX_ALIASES: upTo(10_000, 30, 'aliases in an operation'),
  MAX_DIRECTIVES: upTo(10_000, 50, 'directives in an operation'),
  MAX_TOKENS: upTo(100_000, 2_500, 'lexical tokens in a document'),
  MAX_COST: upTo(1_000_000_000, 500_000, 'values that an operation can return'),
  // A string cannot exceed 512 MiB.
  MAX_BODY_BYTES: upTo(500_000_000, 8_000_000, 'bytes of a request body or a message'),
  MAX_OPERATIONS_PER_SOCKET: upTo(100_000, 100, 'operations at a time on a socket'),
  MAX_SOCKETS_PER_KEY: upTo(1_000_000, 1_000, 'sockets and streams of a key'),
  REQUESTS_PER_MINUTE: upTo(1_000_000_000, 6_000, 'requests of a key'),
}

export function limitsOf(settings: Readonly<Record<keyof typeof LIMIT_SETTINGS, number>>): Limits {
  return Object.freeze({
    depth: settings.MAX_DEPTH,
    aliases: settings.MAX_ALIASES,
    directives: settings.MAX_DIRECTIVES,
    tokens: settings.MAX_TOKENS,
    cost: settings.MAX_COST,
    bodyBytes: settings.MAX_BODY_BYTES,
    operationsPerSocket: settings.MAX_OPERATIONS_PER_SOCKET,
    socketsPerKey: settings.MAX_SOCKETS_PER_KEY,
    requestsPerMinute: settings.REQUESTS_PER_MINUTE,
  })
}
