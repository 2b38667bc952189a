import { ROOT_KEY } from '../../support/rig/node.ts'
import { sendGraphql, sendRequest } from '../../support/rig/send-request.ts'
import type { Attack } from './attack.ts'

export const TRACKING_IDS: Attack[] = [
  {
    name: 'tracking-ids',
    about: "Tracking ids that are the id of another's dataset in other words",
    async run({ node, attacker, victim }) {
      const id = victim.dataset
      const forms = [id, id.toUpperCase(), id.replaceAll('-', ''), `{${id}}`, `urn:uuid:${id}`]
      const figures: Record<string, string> = {}
      for (const [index, trackingId] of forms.entries()) {
        const create =
          'mutation ($a: UUID!, $t: String!) { createDataset(input: { organizationId: $a, trackingId: $t }) { id } }'
        const { outcome } = await sendGraphql(node.url, attacker.write, create, {
          a: attacker.organization,
          t: trackingId,
        })
        const headers = { 'tr-dataset': trackingId, 'tr-organization': attacker.organization }
        const read = (key: string) => sendRequest(node.url, { path: '/api/dataset/events', key, headers, body: '{}' })
        const root = await read(ROOT_KEY)
        const victims = root.text.includes(victim.dataset) && root.status === 200
        const form = ['id', 'upper case', '32 digits', 'braces', 'urn'][index] as string
        figures[form] =
          `created ${outcome}, the attacker reads ${(await read(attacker.read)).status}, ` +
          `root ${victims ? 'the victim’s events' : root.status}`
      }
      return figures
    },
  },
]
