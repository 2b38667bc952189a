import { isDeepStrictEqual } from 'node:util'
import type { Authenticate } from './authenticate.ts'
import { hashKey } from './key-hash.ts'
import type { KeyMemory } from './key-memory.ts'
import type { KeyUsage } from './key-usage.ts'
import type { KeyViewer } from './viewer.ts'

/**
 * Keys as they were when they last worked here, without a look-up: only for operations whose own statement looks at the
 * rights of the key, and which show nothing else. An error of such an operation is sent only if the key still works.
 */
export class RememberedKeys {
  readonly #memory: KeyMemory
  readonly #usage: KeyUsage
  readonly #authenticate: Authenticate

  constructor(memory: KeyMemory, usage: KeyUsage, authenticate: Authenticate) {
    this.#memory = memory
    this.#usage = usage
    this.#authenticate = authenticate
  }

  find(key: string | undefined): KeyViewer | undefined {
    return key === undefined ? undefined : this.#memory.viewerOf(hashKey(key))
  }

  /** Notes that a statement has found the key valid. */
  worked({ keyId }: KeyViewer): void {
    this.#usage.note(keyId)
  }

  /** Whether the key still has the same rights; true if it cannot be looked up, so that the earlier error is sent. */
  async isUnchanged(key: string, known: KeyViewer): Promise<boolean> {
    const now = await this.#authenticate(key).catch(() => known)
    return isDeepStrictEqual(now, known)
  }
}
