/** What the server is going through. */
export interface Lifecycle {
  /** It has been asked to stop: it takes nothing new, and streams end so that their readers come back elsewhere. */
  draining: boolean
}
