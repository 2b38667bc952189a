// graphql-ws as its documentation shows it: the operation is executed for each subscriber and event.
import { EventEmitter, on } from 'node:events'
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { makeExecutableSchema } from '@graphql-tools/schema'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocketServer } from 'ws'
import { stored, typeDefs } from './live-schema.js'
import { ready } from './ready.js'

const emitter = new EventEmitter().setMaxListeners(0)
const schema = makeExecutableSchema({
  typeDefs,
  resolvers: {
    Subscription: {
      workerEvents: {
        async *subscribe() {
          for await (const [workerEvents] of on(emitter, 'event')) yield { workerEvents }
        },
      },
    },
  },
})
const server = createServer(async (request, response) => {
  const { variables } = await json(request)
  for (const event of stored(variables.events)) emitter.emit('event', event)
  response.end('{"data":{"recordWorkerEvents":true}}')
})
useServer({ schema }, new WebSocketServer({ server, path: '/graphql' }))
server.listen(0, '127.0.0.1', ready)
