import { test as property } from '@fast-check/vitest'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { graphqlRequest } from '../support/fuzz/graphql-requests.ts'
import { llamacloudRequest, trieveRequest } from '../support/fuzz/legacy-requests.ts'
import { exchange, type RawRequest } from '../support/fuzz/raw-http.ts'
import { converse } from '../support/fuzz/raw-socket.ts'
import { session } from '../support/fuzz/sessions.ts'
import { expectProper, expectSound } from '../support/fuzz/verdict.ts'
import { createWorld, type Fill } from '../support/fuzz/world.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'

// `LONG=1` runs a hundred times as many. A failure prints its seed and path: SEED and SEED_PATH run it again.
const TIMES = process.env.LONG ? 100 : 1
const REPLAY = process.env.SEED ? { seed: Number(process.env.SEED), path: process.env.SEED_PATH } : {}
// Anything slower counts as unanswered.
const UNANSWERED_MS = 30_000

const runs = (count: number) => ({ numRuns: count * TIMES, timeout: UNANSWERED_MS, ...REPLAY })

let server: TestServer
let fill: Fill

/** Unhandled errors. */
const uncaught: unknown[] = []
const note = (error: unknown) => uncaught.push(error)

beforeAll(async () => {
  process.on('unhandledRejection', note).on('uncaughtException', note)
  // Without GraphiQL, which is nine megabytes.
  server = await startServer({ GRAPHIQL: 'off' })
  fill = await createWorld(server)
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  process.off('unhandledRejection', note).off('uncaughtException', note)
})

const QUESTION = '{ dataset(id: "<dataset>") { id } }'

/** An operation that has always worked, slow enough to expose damage from earlier requests. */
async function stillWorks(): Promise<void> {
  expectData(await server.graphql(fill(QUESTION), {}, fill('<read>')))
}

async function expectUnshaken(): Promise<void> {
  await stillWorks()
  expect({ log: server.log.splice(0), uncaught: uncaught.splice(0) }).toEqual({ log: [], uncaught: [] })
}

function filled(request: RawRequest): RawRequest {
  const { target, headers, body } = request
  return {
    ...request,
    target: fill(target),
    headers: headers.map(([name, value]) => [name, fill(value)]),
    body: fill(body),
  }
}

async function ask(request: RawRequest): Promise<void> {
  const answer = await exchange(server.url, filled(request), stillWorks)
  await expectUnshaken()
  expectSound(answer, request)
}

property.prop([trieveRequest], runs(60))('A request to the route of Trieve is answered, whatever it is', ask)

property.prop([llamacloudRequest], runs(60))('A request to the route of LlamaCloud is answered, whatever it is', ask)

property.prop([graphqlRequest], runs(150))('A request to GraphQL is answered, whatever it is', ask)

property.prop([session], runs(40))('A socket is answered or closed, whatever comes over it', async (session) => {
  const steps = session.steps.map((step) => (step.do === 'say' ? { ...step, message: fill(step.message) } : step))
  const course = await converse(server.url, { ...session, steps }, fill(QUESTION))
  await expectUnshaken()
  expectProper(course)
})

test('No connection or follower remains open', async () => {
  await server.followers(0)
  await expectUnshaken()
})
