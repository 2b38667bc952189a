import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { sendGraphql } from '../../support/rig/send-request.ts'
import type { Attack, World } from './attack.ts'
import { runCommand } from './commands.ts'

const EVENTS = 'query ($id: UUID!) { workerEvents(datasetId: $id) { totalCount nodes { eventDataText } } }'

async function readBy(key: string, dataset: string, { node }: World): Promise<string> {
  const { text } = await sendGraphql(node.url, key, EVENTS, { id: dataset })
  return text.replaceAll('\\', '').slice(0, 200)
}

const firstLine = (text: string) => text.trim().split('\n').slice(0, 2).join(' / ').slice(0, 300)

/** An upstream that returns any dataset id it likes. */
async function lyingTrieve(dataset: string) {
  const event = {
    id: randomUUID(),
    dataset_id: dataset,
    event_type: 'file_uploaded',
    event_data: '{"forged":true}',
  }
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json')
    // Later than existing events.
    const created_at = new Date().toISOString().replace('T', ' ').slice(0, 23)
    response.end(JSON.stringify({ events: [{ ...event, created_at }], event_types: [], page_count: 1 }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => void server.close(),
  }
}

export const FOREIGN_IMPORT: Attack[] = [
  {
    name: 'foreign-import-file',
    about: "A file of one organization, imported after another has made a dataset with that file's id",
    async run(world) {
      const { node, attacker, victim, env, checkout } = world
      const id = randomUUID()
      const create = 'mutation ($a: UUID!, $id: UUID!) { createDataset(input: { organizationId: $a, id: $id }) { id } }'
      const created = await sendGraphql(node.url, attacker.write, create, { a: attacker.organization, id })
      const line = { datasetId: id, id: randomUUID(), eventType: 'FILE_UPLOADED', eventDataText: '{"secret":1}' }
      const file = join(env.DATA_DIR, 'events.ndjson')
      await writeFile(file, `${JSON.stringify({ ...line, createdAt: '2026-01-01T00:00:00.000Z' })}\n`)
      const ran = await runCommand(checkout, ['import', file, '--organization', victim.organization], env)
      return {
        created: created.outcome,
        'exit status': ran.status,
        said: firstLine(ran.output),
        'the attacker reads': await readBy(attacker.read, id, world),
        'the victim reads': await readBy(victim.read, id, world),
      }
    },
  },
  {
    name: 'foreign-import-trieve',
    about: "A move from a Trieve that answers with another organization's dataset",
    async run(world) {
      const { attacker, victim, env, checkout } = world
      await using original = await lyingTrieve(victim.dataset)
      const args = ['import', 'trieve', '--url', original.url, '--dataset', 'docs']
      const whose = ['--organization-id', randomUUID(), '--organization', attacker.organization]
      const ran = await runCommand(checkout, [...args, ...whose], { ...env, TRIEVE_API_KEY: 'tr-key' })
      const text = await readBy(victim.read, victim.dataset, world)
      return {
        'exit status': ran.status,
        said: firstLine(ran.output),
        'a forged event is with the victim': text.includes('forged'),
      }
    },
  },
]
