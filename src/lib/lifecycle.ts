export interface Lifecycle {
  /** Shutdown has begun: new work is rejected, and streams end so that clients reconnect elsewhere. */
  draining: boolean
}
