import ipaddr from 'ipaddr.js'
import type { Caller } from '../lib/caller.ts'
import type { Viewer } from './viewer.ts'

export const ANONYMOUS_TENANT = 'anonymous'

/** The key, or the address without a valid one; IPv6 by its /64 network, because one host can use all of it. */
export function callerOf(viewer: Viewer, address: string | undefined): Caller {
  switch (viewer.type) {
    case 'anonymous':
      return { name: `address:${address && networkOf(address)}`, tenant: ANONYMOUS_TENANT }
    case 'root':
      return { name: 'root', tenant: 'root' }
    case 'key':
      return { name: `key:${viewer.keyId}`, tenant: `organization:${viewer.organizationId}` }
  }
}

function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return 'unknown'
  const parsed = ipaddr.process(address)
  if (parsed.kind() === 'ipv4') return parsed.toString()
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${address.split('%', 1)[0]}/64`)}/64`
}
