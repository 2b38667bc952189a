// With JIT if the first argument says so.
import { createServer } from 'node:http'
import { useGraphQlJit } from '@envelop/graphql-jit'
import { createSchema, createYoga } from 'graphql-yoga'
import { ready } from './ready.js'
import { resolvers, typeDefs } from './schema.js'

const plugins = process.argv[2] === 'jit' ? [useGraphQlJit()] : []
const yoga = createYoga({ schema: createSchema({ typeDefs, resolvers }), logging: false, plugins })
createServer(yoga).listen(0, '127.0.0.1', ready)
