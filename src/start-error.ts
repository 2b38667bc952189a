/** A start failed for a reason that whoever starts can mend. The message says which setting it is about. */
export class StartError extends Error {
  override name = 'StartError'
}
