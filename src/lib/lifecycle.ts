export interface Lifecycle {
  /** Shutdown has begun: new work is rejected, and streams end so that clients reconnect elsewhere. */
  draining: boolean
  /** A read has found damage in the database, which stays until an operator restores it. */
  damaged: boolean
}
