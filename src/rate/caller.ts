import type { Viewer } from '../auth/viewer.ts'

/**
 * Whose requests are counted together: those of a key, or of an address when there is no valid one. Of IPv6, everybody has a whole
 * network of 64 bits to ask from.
 */
export function callerOf(viewer: Viewer, address: string | undefined): string {
  switch (viewer.type) {
    case 'anonymous':
      return `address:${address && networkOf(address)}`
    case 'root':
      return 'root'
    case 'key':
      return `key:${viewer.keyId}`
  }
}

function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+(?:\.\d+){3})$/i.exec(address)?.[1]
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address
  const [head = [], tail] = address.split('::').map((half) => half.split(':').filter(Boolean))
  const zeros = tail ? Array.from({ length: 8 - head.length - tail.length }, () => '0') : []
  return `${[...head, ...zeros, ...(tail ?? [])].slice(0, 4).join(':')}::/64`
}
