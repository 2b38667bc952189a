import { inject } from 'vitest'
import { NAMES } from '../../src/wakeups/channel.ts'
import { runSql } from './database.ts'
import { newDataset, newKey, newOrganization, recordWorkerEvents } from './seed.ts'
import { expectData, metric, startServer, type TestServer } from './server.ts'
import { until } from './until.ts'

export const DISTURBANCES = ['doubled', 'wrong', 'lost'] as const

/** A stream as arguments name it. */
export type StreamName = { datasetId: string } | { reportId: string }

/** Servers on one database, with an organization: several where a database can be shared. */
export interface LiveServers extends AsyncDisposable {
  organization: string
  /** Of READ. */
  key: string
  /** A query whose result the buffers of the system do not hold. */
  large: string
  at(index: number): TestServer
  /** Resolves once so many connections take no more bytes. */
  stalled(count: number): Promise<void>
  /** Wake-ups between servers fail: repeated, spurious, or missing. */
  disturb(stream: string, how: (typeof DISTURBANCES)[number]): Promise<void>
}

export async function startLiveServers(): Promise<LiveServers> {
  const first = await startServer()
  const servers = inject('mode') === 'postgres' ? [first, await startServer(first.env)] : [first]
  const organization = await newOrganization(first)
  const dataset = await newDataset(first, organization)
  await recordWorkerEvents(first, dataset, [{ eventType: 'ETL_FAILED', eventData: 'x'.repeat(1_000_000) }])
  const fields = Array.from({ length: 8 }, (_, i) => `a${i}: eventDataText`).join(' ')
  return {
    organization,
    key: await newKey(first, organization),
    large: `{ workerEvents(datasetId: "${dataset}", first: 1) { nodes { ${fields} } } }`,
    at: (index) => servers[index % servers.length] as TestServer,
    async stalled(count) {
      await until(async () => {
        const unsent = await Promise.all(servers.map(({ url }) => metric(url, 'tidemark_unsent_bytes')))
        return unsent.reduce((sum, bytes) => sum + bytes, 0) >= count * 500_000
      })
    },
    async disturb(stream, how) {
      if (!first.env.DATABASE_URL) return
      await runSql(first.env, disturbance(how, stream, organization))
    },
    async [Symbol.asyncDispose]() {
      for (const server of servers) await server[Symbol.asyncDispose]()
    },
  }
}

function disturbance(how: (typeof DISTURBANCES)[number], stream: string, organization: string): string {
  const notify = (payload: string) => `SELECT pg_notify('${NAMES.channel}', '${payload}') FROM generate_series(1, 5)`
  switch (how) {
    case 'doubled':
      return notify(`somebody ${stream} ${stream}`)
    case 'wrong':
      return notify(`nonsense \u{1F6A2} ${organization}`)
    case 'lost':
      return `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = '${NAMES.connection}'`
  }
}

/** Has all but the newest events of a stream removed, once. */
export async function trim(server: TestServer, stream: StreamName, maxEvents: number): Promise<void> {
  const set = async (policy: object | null) => {
    const query = `mutation ($of: RetentionTarget!, $policy: RetentionPolicyInput) {
      setRetention(of: $of, policy: $policy) { maxEvents }
    }`
    expectData(await server.graphql(query, { of: stream, policy }))
  }
  const { head } = await boundsOf(server, stream)
  await set({ maxEvents })
  await until(async () => (await boundsOf(server, stream)).firstSeq > head - maxEvents)
  await set(null)
}

/** The positions of the events that a stream has. */
export async function boundsOf(server: TestServer, stream: StreamName): Promise<{ head: number; firstSeq: number }> {
  const [name, id] = Object.entries(stream)[0] as [string, string]
  const field = name === 'datasetId' ? 'dataset' : 'report'
  return expectData(await server.graphql(`query ($id: UUID!) { ${field}(id: $id) { head firstSeq } }`, { id }))[field]
}
