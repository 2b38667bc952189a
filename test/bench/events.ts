import { randomUUID } from 'node:crypto'

const TYPES = ['FILE_UPLOADED', 'CHUNKS_UPLOADED', 'ETL_FAILED']

/** Events with payloads of about 200 bytes. */
export function newEvents(count: number): { id: string; eventType: string; eventData: object }[] {
  return Array.from({ length: count }, (_, i) => ({
    id: randomUUID(),
    eventType: TYPES[i % TYPES.length] as string,
    eventData: { file_id: randomUUID(), file_name: `${'a'.repeat(60)}.pdf`, chunk_ids: [randomUUID()], pages: i },
  }))
}
