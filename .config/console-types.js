// Writes src/console/api/generated/schema.d.ts, the types that the console's documents are checked against.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { minifyIntrospection, outputIntrospectionFile } from '@gql.tada/internal'
import { buildSchema, introspectionFromSchema } from 'graphql'

const schema = buildSchema(readFileSync('schema.graphql', 'utf8'))
const types = outputIntrospectionFile(minifyIntrospection(introspectionFromSchema(schema)), {
  fileType: '.d.ts',
  shouldPreprocess: true,
})
mkdirSync('src/console/api/generated', { recursive: true })
writeFileSync('src/console/api/generated/schema.d.ts', types)
