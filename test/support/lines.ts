import { randomUUID } from 'node:crypto'

/** The export line of a worker event, without its end. */
export function workerLine(datasetId: string, seq: number, extra: object = {}): string {
  return JSON.stringify({
    datasetId,
    seq,
    id: randomUUID(),
    eventType: 'FILE_UPLOADED',
    createdAt: new Date(Date.UTC(2024, 0, 1) + seq * 1_000).toISOString(),
    eventDataText: `{"n":${seq}}`,
    ...extra,
  })
}

/** The export line of a report event, likewise. */
export function reportLine(reportId: string, seq: number, data: object): string {
  return JSON.stringify({
    reportId,
    seq,
    id: randomUUID(),
    timestamp: new Date(Date.UTC(2024, 0, 1) + seq * 1_000).toISOString(),
    eventDataText: JSON.stringify(data),
  })
}

/** The lines of events in an export, without those of what the events belong to. */
export function eventLines(text: string): string[] {
  return text.split('\n').filter((line) => /^\{"(?:dataset|report)Id"/.test(line))
}

/** A file of these lines. */
export function fileOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}

/** The export line of an organization. */
export function organizationLine(id: string): string {
  return JSON.stringify({ organization: { id, name: 'Acme', retention: null } })
}

/** The export line that describes a dataset. @param extra positions and epochs. */
export function datasetLine(id: string, organizationId: string, extra: object): string {
  const dataset = { id, organizationId, name: null, trackingId: null, retention: null, first: 1, epochs: [], ...extra }
  return JSON.stringify({ dataset })
}
