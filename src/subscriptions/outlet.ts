import type { GraphQLError } from 'graphql'
import type { Deliveries } from './delivery.ts'

/** The place of one subscription on its connection, made by the transport. */
export interface Outlet {
  /** Whether the connection has more unsent bytes than it should: the next results are made later. */
  readonly isFull: boolean
  /** Resolves once it is not full, or has ended. */
  drained(): Promise<void>
  write(deliveries: Deliveries): void
  /** Sends, after all that was written, the position up to which the client has all that is for it. */
  report(cursor: string): void
  /** Called once at the end. @param error to be sent; absent: it has completed, or its client left. */
  end(error?: GraphQLError): void
}
