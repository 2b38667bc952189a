/** After how many events looked at, or how long, a reader is sent its position although nothing was for it. */
export const PROGRESS = { events: 1_000, milliseconds: 10_000 } as const
