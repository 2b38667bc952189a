// Yoga, Pothos and Prisma as their documentation uses them, over Tidemark's own tables. Run by tsx.
import { createServer } from 'node:http'
import SchemaBuilder from '@pothos/core'
import PrismaPlugin from '@pothos/plugin-prisma'
import { PrismaPg } from '@prisma/adapter-pg'
import { createYoga } from 'graphql-yoga'
import { getDatamodel } from '../../src/db/generated/pothos.ts'
import { PrismaClient } from '../../src/db/generated/prisma/client.ts'
import { ready } from './peers/ready.js'

const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL, max: 10 }) })
const builder = new SchemaBuilder({ plugins: [PrismaPlugin], prisma: { client: prisma, dmmf: getDatamodel() } })
builder.scalarType('JSON', { serialize: (value) => value })
builder.prismaObject('Event', {
  name: 'WorkerEvent',
  fields: (t) => ({
    id: t.exposeID('id'),
    seq: t.int({ resolve: ({ seq }) => Number(seq) }),
    eventType: t.string({ resolve: ({ type }) => type.toUpperCase() }),
    createdAt: t.string({ resolve: ({ createdAt }) => createdAt.toISOString() }),
    eventData: t.field({ type: 'JSON', nullable: true, resolve: ({ data }) => JSON.parse(data) }),
  }),
})
builder.queryType({
  fields: (t) => ({
    workerEvents: t.prismaField({
      type: ['Event'],
      args: {
        datasetId: t.arg.id({ required: true }),
        after: t.arg.int(),
        first: t.arg.int({ required: true }),
      },
      resolve: (query, _, { datasetId, after, first }) =>
        prisma.event.findMany({
          ...query,
          where: { streamId: datasetId, ...(after !== undefined && { seq: { gt: after } }) },
          orderBy: { seq: after === undefined ? 'desc' : 'asc' },
          take: first,
        }),
    }),
  }),
})

createServer(createYoga({ schema: builder.toSchema(), logging: false })).listen(0, '127.0.0.1', ready)
