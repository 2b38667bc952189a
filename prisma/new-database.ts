// Makes the archive of a new embedded database for the build, as `initdb` and the migrations leave it: both take PGlite
// seconds, and memory that the process of a first start would keep.

import { writeFileSync } from 'node:fs'
import { PGlite } from '@electric-sql/pglite'
import { migrate } from '../src/db/migrate.ts'
import { pinSession } from '../src/db/session.ts'

const [file] = process.argv.slice(2)
if (!file) throw new Error('usage: tsx prisma/new-database.ts FILE')
const database = await PGlite.create()
await database.exec(pinSession())
await migrate(database)
// It holds the time of the migration. The first sweep makes one of its own time.
await database.exec('DELETE FROM retention_clock')
await database.exec('CHECKPOINT')
const archive = await database.dumpDataDir('gzip')
await database.close()
writeFileSync(file, Buffer.from(await archive.arrayBuffer()))
