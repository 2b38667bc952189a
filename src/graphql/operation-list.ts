import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { StartError } from '../errors.ts'

export type OperationList = ReadonlyMap<string, string>

/** Formats that tools write: a map (Relay, GraphQL Code Generator) or Apollo's manifest. */
const Operations = z.union([
  z.record(z.string(), z.string()).transform((texts) => Object.entries(texts)),
  z
    .object({
      format: z.literal('apollo-persisted-query-manifest'),
      version: z.literal(1),
      operations: z.array(z.object({ id: z.string(), body: z.string() })),
    })
    .transform(({ operations }) => operations.map(({ id, body }): [string, string] => [id, body])),
])

/** Reads the list; outdated operations must not stop others. @throws StartError if missing, malformed or misnamed. */
export async function readOperationList(path: string): Promise<OperationList> {
  const text = await readFile(path, 'utf8').catch(({ message }: Error) => fail(`cannot be read: ${message}`))
  const { data, error } = Operations.safeParse(parse(text))
  if (error) fail(`must be a JSON object of operation texts by SHA-256, or an Apollo persisted query manifest: ${path}`)
  const operations = data.map(([name, operation]) => [name.replace(/^sha256:/, ''), operation] as const)
  const misnamed = operations.filter(([hash, operation]) => sha256(operation) !== hash)
  if (misnamed.length > 0)
    fail(
      `lists ${misnamed.length} of ${data.length} operations under a key that is not their SHA-256, such as ` +
        `"${misnamed[0]?.[0]}": ${path}`,
    )
  return new Map(operations)
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function fail(problem: string): never {
  throw new StartError(`PERSISTED_OPERATIONS ${problem}`)
}
