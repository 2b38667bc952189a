/** "These streams may have grown", as it goes from server to server: `sender id id …`, in ASCII. */
export interface Hint {
  /** Names the process, so that it can tell its own. */
  sender: string
  streamIds: string[]
}

/** PostgreSQL refuses a payload of 8,000 bytes. */
const MAX_BYTES = 7_999

/** As many messages as it takes to keep each within what a NOTIFY may carry. */
export function encodeHint({ sender, streamIds }: Hint): string[] {
  const messages: string[] = []
  let message = sender
  for (const streamId of streamIds) {
    if (message.length + 1 + streamId.length > MAX_BYTES) {
      messages.push(message)
      message = sender
    }
    message += ` ${streamId}`
  }
  return [...messages, message]
}

/** Reads whatever has come; of nonsense it makes streams that nobody listens to. */
export function decodeHint(message: string): Hint {
  const [sender = '', ...streamIds] = message.split(' ')
  return { sender, streamIds }
}
