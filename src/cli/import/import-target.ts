import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import type { EventLog } from '../../log/event-log.ts'
import type { StreamPositions } from './stream-positions.ts'
import type { TargetStreams } from './target-streams.ts'

export interface ImportTarget {
  readonly db: PrismaClient
  readonly log: EventLog
  readonly streams: TargetStreams
  readonly positions: StreamPositions
  readonly atOnce: number
  readonly organizationId?: string
  /** Whether to go on after an event that is not stored. */
  readonly keepGoing: boolean
  readonly withAccounts: boolean
}
