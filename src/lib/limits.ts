import { z } from 'zod'

/** What one caller may ask of the server. */
export type Limits = Readonly<{
  /** Fields inside one another. */
  depth: number
  /** Aliases of an operation, those of its fragments included wherever they are spread. */
  aliases: number
  /** Directives of an operation, likewise. */
  directives: number
  /** Lexical tokens of a document. */
  tokens: number
  /** Values that an operation may give at most, roughly: lists count as often as they may have items. */
  cost: number
  /** Bytes of a request's body, and of a message over a socket. */
  bodyBytes: number
  /** Operations that go on at the same time on one socket. */
  operationsPerSocket: number
  /** Sockets and streams of server-sent events of one key on this server. */
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

/** The settings of the limits. All of an event's fields on a page of 1,000 have to fit into the default cost. */
export const LIMIT_SETTINGS = {
  MAX_DEPTH: upTo(1_000, 12),
  MAX_ALIASES: upTo(10_000, 30),
  MAX_DIRECTIVES: upTo(10_000, 50),
  MAX_TOKENS: upTo(100_000, 2_500),
  MAX_COST: upTo(1_000_000_000, 500_000),
  // Longer than 512 MiB a text cannot be here.
  MAX_BODY_BYTES: upTo(500_000_000, 8_000_000),
  MAX_OPERATIONS_PER_SOCKET: upTo(100_000, 100),
  MAX_SOCKETS_PER_KEY: upTo(1_000_000, 1_000),
  REQUESTS_PER_MINUTE: upTo(1_000_000_000, 6_000),
}

/** The limits that the settings ask for. */
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
