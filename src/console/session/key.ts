import { effect, signal } from '@preact/signals'

const STORED = 'tidemark.key'

/** The API key of this tab: each tab has its own, and it is gone when the tab closes. */
export const key = signal(sessionStorage.getItem(STORED) ?? undefined)

export const INVALID_KEY = 'The server does not accept this key: it is unknown, was revoked, or has expired.'

/** Why the key was forgotten without a click on "Sign out". */
export const signedOutBecause = signal('')

effect(() => {
  if (key.value === undefined) sessionStorage.removeItem(STORED)
  else sessionStorage.setItem(STORED, key.value)
})

export function signOut(reason = ''): void {
  signedOutBecause.value = reason
  key.value = undefined
}
