/** "These streams may have grown", sent as `sender id id …` in ASCII. */
export interface WakeupMessage {
  sender: string
  streamIds: string[]
}

/** PostgreSQL rejects a payload of 8,000 bytes. */
const MAX_BYTES = 7_999

/** Splits the streams over messages that each fit a NOTIFY. */
export function encodeMessages({ sender, streamIds }: WakeupMessage): string[] {
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

/** Accepts any text; malformed messages yield ids without listeners. */
export function decodeMessage(message: string): WakeupMessage {
  const [sender = '', ...streamIds] = message.split(' ')
  return { sender, streamIds }
}
