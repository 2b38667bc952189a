import { setTimeout } from 'node:timers/promises'
import type { Random } from '../hostile/random.ts'
import type { TcpProxy } from '../tcp-proxy.ts'
import type { Member, World } from './world.ts'

/** Something that happens to one of the servers, or to all, for some milliseconds. */
export interface Fault {
  name: string
  happen: (world: World, member: Member, milliseconds: number) => Promise<void>
}

const cut = (proxyOf: (member: Member) => TcpProxy) => async (_world: World, member: Member, milliseconds: number) => {
  const proxy = proxyOf(member)
  await proxy.cut()
  await setTimeout(milliseconds)
  await proxy.restore()
}

/** Connections stay open, and carry nothing. @param last whether they break at the end, as a peer's timeout does it. */
const silence =
  (proxyOf: (member: Member) => TcpProxy, what: 'open' | 'answers' | 'all', last: 'dead' | 'broken' = 'dead') =>
  async (_world: World, member: Member, milliseconds: number) => {
    const proxy = proxyOf(member)
    proxy.silence(what)
    await setTimeout(milliseconds)
    if (last === 'broken') await proxy.cut()
    await proxy.restore()
  }

const database = ({ database }: Member) => database
const redis = ({ redis }: Member) => redis
const front = ({ front }: Member) => front

/** All kinds. The first server is never restarted, so that what it holds can be measured. */
export const FAULTS: readonly Fault[] = [
  { name: 'the database is cut off', happen: cut(database) },
  { name: 'connections to the database die in silence', happen: silence(database, 'open') },
  { name: 'answers of the database are lost', happen: silence(database, 'answers') },
  { name: 'the database accepts connections and says nothing', happen: silence(database, 'all', 'broken') },
  { name: 'the database crashes', happen: ({ cluster }) => cluster.restart() },
  { name: 'Redis is cut off', happen: cut(redis) },
  { name: 'connections to Redis die in silence', happen: silence(redis, 'open') },
  {
    name: 'Redis is suspended',
    happen: async (world, _member, milliseconds) => {
      world.redis.pause()
      await setTimeout(milliseconds)
      world.redis.resume()
    },
  },
  {
    name: 'Redis is killed',
    happen: async (world, _member, milliseconds) => {
      await world.redis.stop()
      await setTimeout(milliseconds)
      await world.redis.start()
    },
  },
  { name: 'clients are cut off', happen: cut(front) },
  { name: 'clients hear nothing, then are cut off', happen: silence(front, 'answers', 'broken') },
  {
    name: 'a server is suspended',
    happen: async (_world, member, milliseconds) => {
      const { pid } = member.node()
      process.kill(pid, 'SIGSTOP')
      await setTimeout(milliseconds)
      process.kill(pid, 'SIGCONT')
    },
  },
  { name: 'a server is killed', happen: ({ members: [, second] }) => second.restart('SIGKILL') },
  { name: 'a server is stopped', happen: ({ members: [, second] }) => second.restart('SIGTERM') },
]

/** Lets a fault happen to one of the servers for up to this long. @returns what happened. */
export async function happen(world: World, fault: Fault, random: Random, most: number): Promise<string> {
  const [index, milliseconds] = [random.between(0, 1), random.between(100, most)]
  await fault.happen(world, world.members[index as 0 | 1], milliseconds)
  return `${fault.name} (server ${index}, ${milliseconds} ms)`
}
