import fastify from 'fastify'
import mercurius from 'mercurius'
import { ready } from './ready.js'
import { resolvers, typeDefs } from './schema.js'

const app = fastify({ bodyLimit: 2 ** 24 })
app.register(mercurius, { schema: typeDefs, resolvers, jit: 1 })
await app.listen({ port: 0, host: '127.0.0.1' })
ready.call(app.server)
