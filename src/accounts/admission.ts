import type { Caller } from '../lib/caller.ts'
import type { Authenticate } from './authenticate.ts'
import { callerOf } from './caller-of.ts'
import type { RateLimit } from './rate-limit.ts'
import { TemporaryError } from './temporary-error.ts'
import { ANONYMOUS, type Viewer } from './viewer.ts'

export interface Identity {
  readonly viewer: Viewer
  readonly caller: Caller
}

type Admitted =
  | (Identity & { readonly error?: undefined })
  | { readonly viewer?: undefined; readonly caller?: undefined; readonly error: TemporaryError }

export type Admit = (key: string | null | undefined, address: string | undefined) => Promise<Admitted>

/** Charges a valid key, so that others at its address never block it; else, or if the lookup fails, the address. */
export function createAdmit(authenticate: Authenticate, rate: RateLimit): Admit {
  return async (key, address) => {
    const viewer = await authenticate(key ?? undefined).catch(() => undefined)
    const caller = callerOf(viewer ?? ANONYMOUS, address)
    const error = (await rate.count(caller)) ?? (viewer ? undefined : TemporaryError.keyUnavailable())
    return viewer && !error ? { viewer, caller } : { error: error ?? TemporaryError.keyUnavailable() }
  }
}
