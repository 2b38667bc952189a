import fastify from 'fastify'
import mercurius from 'mercurius'
import { stored, typeDefs } from './live-schema.js'
import { ready } from './ready.js'

const app = fastify()
app.register(mercurius, {
  schema: typeDefs,
  jit: 1,
  subscription: { fullWsTransport: true },
  resolvers: {
    Mutation: {
      async recordWorkerEvents(_, { events }, { pubsub }) {
        for (const event of stored(events)) await pubsub.publish({ topic: 'event', payload: { workerEvents: event } })
        return true
      },
    },
    Subscription: { workerEvents: { subscribe: (_root, _args, { pubsub }) => pubsub.subscribe('event') } },
  },
})
await app.listen({ port: 0, host: '127.0.0.1' })
ready.call(app.server)
