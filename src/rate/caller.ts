import type { Viewer } from '../auth/viewer.ts'

/** On whose account a request is made. Budgets of a caller lie within that of its tenant. */
export interface Caller {
  /** The key, or the address of a request without a valid one. */
  readonly name: string
  /** The organization of the key; all requests without a valid key share one tenant. */
  readonly tenant: string
}

/**
 * The caller of a request: its key, or its address where it has no valid one. IPv6 addresses are told apart by their /64 network,
 * because one host can use all addresses of it.
 */
export function callerOf(viewer: Viewer, address: string | undefined): Caller {
  switch (viewer.type) {
    case 'anonymous':
      return { name: `address:${address && networkOf(address)}`, tenant: 'anonymous' }
    case 'root':
      return { name: 'root', tenant: 'root' }
    case 'key':
      return { name: `key:${viewer.keyId}`, tenant: `organization:${viewer.organizationId}` }
  }
}

function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+(?:\.\d+){3})$/i.exec(address)?.[1]
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address
  const [head = [], tail] = address.split('::').map((half) => half.split(':').filter(Boolean))
  const zeros = tail ? Array.from({ length: 8 - head.length - tail.length }, () => '0') : []
  return `${[...head, ...zeros, ...(tail ?? [])].slice(0, 4).join(':')}::/64`
}
