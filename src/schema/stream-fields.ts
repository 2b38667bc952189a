// Fields that datasets and reports share: what they say of their stream, from its row and its counters.

const SUBJECT_TO_RETENTION = 'without those that retention has removed.'

export const head = {
  type: 'SafeInt',
  description: 'Position (seq) of the newest event. 0 if there has never been one.',
  select: { stream: { select: { head: true } } },
  resolve: ({ stream }: { stream: { head: bigint } }) => Number(stream.head),
} as const

export const firstSeq = {
  type: 'SafeInt',
  description: 'Position (seq) of the earliest event that is kept: head + 1 if there is none.',
  select: { stream: { select: { first: true } } },
  resolve: ({ stream }: { stream: { first: bigint } }) => Number(stream.first),
} as const

export const eventCount = {
  type: 'SafeInt',
  description: `Number of events, ${SUBJECT_TO_RETENTION}`,
  select: { stream: { select: { head: true, first: true } } },
  resolve: ({ stream }: { stream: { head: bigint; first: bigint } }) => Number(stream.head - stream.first) + 1,
} as const

export const lastEventAt = {
  type: 'DateTime',
  nullable: true,
  description: 'Time of the newest event, also if retention has removed it. Null if there has never been one.',
  select: { stream: { select: { lastAt: true } } },
  resolve: ({ stream }: { stream: { lastAt: Date | null } }) => stream.lastAt,
} as const

interface Count {
  readonly type: string
  readonly n: bigint
  readonly removed: bigint
}

/** The select of the counters of a stream, and what they come to: types with kept events, in byte order. */
export const counts = { stream: { select: { counts: { select: { type: true, n: true, removed: true } } } } } as const

export interface TypeCount<Type extends string> {
  readonly type: Type
  readonly count: number
}

export function typeCounts<Type extends string>({
  stream,
}: {
  stream: { counts: readonly Count[] }
}): TypeCount<Type>[] {
  return stream.counts
    .map(({ type, n, removed }) => ({ type: type as Type, count: Number(n - removed) }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => (a.type < b.type ? -1 : 1))
}

export const typeCount = `Number of events of this type, ${SUBJECT_TO_RETENTION}`
