/** Interval of bytes or pings on an idle stream, in milliseconds: below the usual proxy timeout of a minute. */
export const HEARTBEAT_MS = 12_000
