import { AsyncDisposableStack } from '@whatwg-node/disposablestack'
import { inject } from 'vitest'
import { migratePostgres } from '../../../src/db/database.ts'
import { type Cluster, newCluster } from '../cluster.ts'
import { databaseUrl, query } from '../postgres.ts'
import { type RedisServer, redisServer } from '../redis.ts'
import { type Node, startNode } from '../rig/node.ts'
import { type TcpProxy, tcpProxy } from '../tcp-proxy.ts'

/** A server process behind one address, and between it and each of its peers a proxy that can fail. */
export interface Member {
  /** What clients connect to, whichever process serves it, and its proxy. */
  url: string
  front: TcpProxy
  database: TcpProxy
  redis: TcpProxy
  node: () => Node
  /** Ends the process, and starts another. */
  restart: (signal: 'SIGTERM' | 'SIGKILL') => Promise<void>
}

/** Two servers that share a database cluster and a Redis server of their own. */
export interface World extends AsyncDisposable {
  cluster: Cluster
  redis: RedisServer
  members: readonly [Member, Member]
}

/** Starts everything. @param settings other than the defaults. */
export async function newWorld(settings: Record<string, string>): Promise<World> {
  await using opening = new AsyncDisposableStack()
  const cluster = opening.use(await newCluster())
  await query(cluster.url, 'CREATE DATABASE tidemark')
  const url = databaseUrl(cluster.url, 'tidemark')
  await migratePostgres(url)
  const redis = opening.use(await redisServer())
  await redis.start()
  const newMember = async (): Promise<Member> => {
    const database = opening.use(await tcpProxy(url))
    const toRedis = opening.use(await tcpProxy(redis.url))
    const env = {
      DATA_DIR: inject('scratch'),
      DATABASE_URL: database.url,
      REDIS_URL: toRedis.url,
      REQUESTS_PER_MINUTE: '10000000',
      ...settings,
    }
    let node = await startNode('.', env)
    opening.defer(async () => void (await node.stop()))
    const front = opening.use(await tcpProxy(node.url))
    return {
      url: new URL(front.url).origin,
      front,
      database,
      redis: toRedis,
      node: () => node,
      async restart(signal) {
        process.kill(node.pid, signal)
        await node.exited
        node = await startNode('.', env)
        await front.restore(node.url)
      },
    }
  }
  const members = [await newMember(), await newMember()] as const
  const closers = opening.move()
  return { cluster, redis, members, [Symbol.asyncDispose]: () => closers.disposeAsync() }
}
