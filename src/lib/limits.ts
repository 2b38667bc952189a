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

function upTo(most: number, standard: number) {
  const expectation = `a whole number, 1 to ${most}`
  return z
    .string()
    .regex(/^[1-9]\d{0,9}$/, expectation)
    .transform(Number)
    .refine((value) => value <= most, expectation)
    .default(standard)
}

/** The default cost fits all event fields on a page of 1,000. */
export const LIMIT_SETTINGS = {
  MAX_DEPTH: upTo(1_000, 12),
  MAX_ALIASES: upTo(10_000, 30),
  MAX_DIRECTIVES: upTo(10_000, 50),
  MAX_TOKENS: upTo(100_000, 2_500),
  MAX_COST: upTo(1_000_000_000, 500_000),
  // A string cannot exceed 512 MiB.
  MAX_BODY_BYTES: upTo(500_000_000, 8_000_000),
  MAX_OPERATIONS_PER_SOCKET: upTo(100_000, 100),
  MAX_SOCKETS_PER_KEY: upTo(1_000_000, 1_000),
  REQUESTS_PER_MINUTE: upTo(1_000_000_000, 6_000),
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
