import type { Queries } from '../db/queries.ts'
import { retryTransient } from '../db/retry-transient.ts'
import { batchLookups, type Lookup } from '../lib/batched-lookup.ts'

/** As for streams: key lookups use the same connections. */
const BATCHES = { atOnce: 2, keys: 500 } as const

interface Named {
  readonly organizationId: string
  readonly name: string
}

/** What REST APIs name datasets and reports by, looked up for all requests that wait, in one statement each. */
export class StreamAddresses {
  readonly #tracked: Lookup<string>
  readonly #projects: Lookup<{ readonly projectId: string | null }>

  /** @param db without other load. */
  constructor(db: Queries) {
    this.#tracked = batchLookups(async (keys) => {
      const asked = keys.map(named)
      const rows = await retryTransient(
        () => db.$queryRaw<(Named & { id: string })[]>`
          SELECT d.id, d.organization_id AS "organizationId", d.tracking_id AS name
            FROM unnest(${asked.map(({ organizationId }) => organizationId)}::uuid[],
                        ${asked.map(({ name }) => name)}::text[]) AS asked (organization_id, tracking_id)
            JOIN dataset d ON d.organization_id = asked.organization_id AND d.tracking_id = asked.tracking_id`,
      )
      return new Map(rows.map(({ id, ...address }) => [keyOf(address), id]))
    }, BATCHES)
    this.#projects = batchLookups(async (keys) => {
      const asked = keys.map(named)
      const rows = await retryTransient(
        () => db.$queryRaw<(Named & { projectId: string | null })[]>`
          SELECT r.id AS name, r.organization_id AS "organizationId", r.project_id AS "projectId"
            FROM unnest(${asked.map(({ organizationId }) => organizationId)}::uuid[],
                        ${asked.map(({ name }) => name)}::uuid[]) AS asked (organization_id, id)
            JOIN report r ON r.organization_id = asked.organization_id AND r.id = asked.id`,
      )
      return new Map(rows.map(({ projectId, ...address }) => [keyOf(address), { projectId }]))
    }, BATCHES)
  }

  /** The dataset with a tracking id, as of this call or later. Does not check access to it. */
  datasetOf(organizationId: string, trackingId: string): Promise<string | undefined> {
    return this.#tracked(keyOf({ organizationId, name: trackingId }))
  }

  /** The project of a report, as of this call or later; null if it has none or is gone. */
  async projectOf({ organizationId, id }: { organizationId: string; id: string }): Promise<string | null> {
    return (await this.#projects(keyOf({ organizationId, name: id })))?.projectId ?? null
  }
}

const UUID_LENGTH = 36

function keyOf({ organizationId, name }: Named): string {
  return organizationId + name
}

function named(key: string): Named {
  return { organizationId: key.slice(0, UUID_LENGTH), name: key.slice(UUID_LENGTH) }
}
