import type { Viewer } from '../auth/viewer.ts'

/** Whose requests are counted together: those of a key, or of an address when there is no valid one. */
export function callerOf(viewer: Viewer, address: string | undefined): string {
  switch (viewer.type) {
    case 'anonymous':
      return `address:${address}`
    case 'root':
      return 'root'
    case 'key':
      return `key:${viewer.keyId}`
  }
}
