import { Counter, type Registry } from 'prom-client'
import type { Authenticate } from '../../accounts/authenticate.ts'

export function countRejectedKeys(registry: Registry, authenticate: Authenticate): Authenticate {
  const rejected = new Counter({
    name: 'tidemark_keys_refused_total',
    help: 'Rejected API keys: unknown, revoked or expired.',
    registers: [registry],
  })
  return async (key) => {
    const viewer = await authenticate(key)
    if (key && viewer.type === 'anonymous') rejected.inc()
    return viewer
  }
}
