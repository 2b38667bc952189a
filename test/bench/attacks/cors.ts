import { sendRequest } from '../../support/rig/send-request.ts'
import type { Attack } from './attack.ts'

function preflight(env?: Record<string, string>): Attack['run'] {
  return async ({ start, victim }) => {
    const node = await start(env ?? {})
    const path = '/api/dataset/events'
    const asking = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-anything' }
    const reported = async (origin: string) => {
      const before = await sendRequest(node.url, { method: 'OPTIONS', path, headers: { origin, ...asking } })
      const headers = { origin, 'tr-dataset': victim.dataset }
      const answer = await sendRequest(node.url, { path, key: victim.read, headers, body: '{}' })
      const say = (of: typeof before) =>
        `${of.status} ${of.headers['access-control-allow-origin'] ?? 'no origin'} credentials: ` +
        `${of.headers['access-control-allow-credentials'] ?? 'no'}`
      return `preflight ${say(before)}; answer ${say(answer)}`
    }
    return {
      'https://evil.example': await reported('https://evil.example'),
      'https://app.example': await reported('https://app.example'),
    }
  }
}

export const CORS: Attack[] = [
  { name: 'cors-default', about: 'What other pages may do on the Trieve route', run: preflight() },
  {
    name: 'cors-origins',
    about: 'The same with CORS_ORIGINS=https://app.example',
    run: preflight({ CORS_ORIGINS: 'https://app.example' }),
  },
]
