import type { GivenPolicy } from '../../accounts/retention-policies.ts'
import type { PrismaClient, StreamKind } from '../../db/generated/prisma/client.ts'
import type { EpochStart } from '../../log/append/move-stream.ts'
import type { StateData } from '../../log/report/report-data.ts'
import { objectLine } from '../object-line.ts'
import { policyOf } from './owner-lines.ts'

/** A stream as it is when its turn in an export comes. */
export interface ExportedStream {
  id: string
  organizationId: string
  kind: StreamKind
  head: number
  name: string | null
  trackingId: string | null
  projectId: string | null
  state: StateData['status'] | null
  retention: GivenPolicy | null
  epochs: EpochStart[]
}

/** Reads a stream; undefined if it no longer exists. */
export async function exportedStream(
  db: PrismaClient,
  organizationId_id: { organizationId: string; id: string },
): Promise<ExportedStream | undefined> {
  const stream = await db.stream.findUnique({
    where: { organizationId_id },
    include: {
      dataset: true,
      report: true,
      retention: true,
      epochs: { include: { epoch: true }, orderBy: { epochNumber: 'asc' } },
    },
  })
  if (!stream) return undefined
  const { dataset, report, retention, epochs, kind } = stream
  const head = Number(stream.head)
  return {
    ...organizationId_id,
    kind,
    head,
    name: (dataset ?? report)?.name ?? null,
    trackingId: dataset?.trackingId ?? null,
    projectId: report?.projectId ?? null,
    state: (report?.state ?? null) as StateData['status'] | null,
    retention: policyOf(retention),
    epochs: epochs
      .map(({ epoch, start }) => ({ id: Number(epoch.id), first: Number(start) }))
      .filter(({ first }) => first <= head),
  }
}

/** The line that describes a stream, before its events. @param continued whether it follows some of them. */
export function streamLine(
  { kind, trackingId, projectId, state, head, epochs, ...stream }: ExportedStream,
  first: number,
  continued: boolean,
): string {
  const positions = { first, head, continued: continued || undefined, epochs }
  return kind === 'DATASET'
    ? objectLine('dataset', { ...stream, trackingId, ...positions } as const)
    : objectLine('report', { ...stream, projectId, state, ...positions } as const)
}
