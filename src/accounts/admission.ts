import type { Caller } from '../lib/caller.ts'
import type { Authenticate } from './authenticate.ts'
import { callerOf } from './caller-of.ts'
import type { RequestRate } from './rate-limit.ts'
import { Refusal } from './refusal.ts'
import { ANONYMOUS, type Viewer } from './viewer.ts'

/** Who asks, and on whose account. */
export interface Asking {
  readonly viewer: Viewer
  readonly caller: Caller
}

/** Who has called, or why the call is refused. */
export type Admitted =
  | (Asking & { readonly refusal?: undefined })
  | { readonly viewer?: undefined; readonly caller?: undefined; readonly refusal: Refusal }

/** Finds out who calls, and counts the call. */
export type Admit = (key: string | null | undefined, address: string | undefined) => Promise<Admitted>

/**
 * Looks the key up first, which costs the database little (`KeyLookup`), and then charges the key, or the address of
 * a caller without a valid one: what others do from an address never holds up a valid key. A key that cannot be
 * looked up is charged like an invalid one.
 */
export function createAdmit(authenticate: Authenticate, rate: RequestRate): Admit {
  return async (key, address) => {
    const viewer = await authenticate(key ?? undefined).catch(() => undefined)
    const caller = callerOf(viewer ?? ANONYMOUS, address)
    const refusal = (await rate.count(caller)) ?? (viewer ? undefined : Refusal.keyUnavailable())
    return viewer && !refusal ? { viewer, caller } : { refusal: refusal ?? Refusal.keyUnavailable() }
  }
}
