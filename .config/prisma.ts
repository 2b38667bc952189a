import { defineConfig } from 'prisma/config'

// `generate`, `validate` and `format` never use the native schema engine, but the CLI does not start without one and
// would download it. Any existing file satisfies that check. `prisma migrate` must still fail loudly, hence the list.
const engineless = ['generate', 'validate', 'format']
if (engineless.includes(process.argv[2] ?? '')) process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath

export default defineConfig({
  schema: '../prisma/schema.prisma',
  migrations: { path: '../prisma/migrations' },
  datasource: { url: process.env.DATABASE_URL ?? '' },
})
