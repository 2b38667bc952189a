import type { ReportEventInput, WorkerEventInput } from './events.ts'
import type { NewEvent } from './recorder.ts'

export function withId(event: WorkerEventInput | ReportEventInput): NewEvent {
  if ('eventType' in event) {
    const id = event.id ?? newId()
    return { id, json: JSON.stringify({ ...event, id }) }
  }
  const [[kind, given] = []] = Object.entries(event)
  const id = given?.id ?? newId()
  return { id, json: JSON.stringify({ [String(kind)]: { ...given, id } }) }
}

/** A random UUID. By hand: `crypto.randomUUID` is missing on pages without TLS. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return digits.replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
