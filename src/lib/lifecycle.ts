export interface Lifecycle {
  /** Shutdown has begun: new work is refused, and streams end so that clients reconnect elsewhere. */
  draining: boolean
}
