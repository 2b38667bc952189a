/** Events scanned, or time passed, after which a reader is sent its position although no event was for it. */
export const POSITION_INTERVAL = { events: 1_000, milliseconds: 10_000 } as const
