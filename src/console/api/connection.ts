import { computed, signal } from '@preact/signals'

/** `idle`: nothing is followed, so there is no connection. */
type Status = 'idle' | 'connecting' | 'connected' | 'reconnecting'

const status = signal<Status>('idle')
const followers = signal(0)
const behind = signal(0)
let retryNow: () => void = () => undefined

export type ConnectionState =
  | { kind: 'idle' | 'connecting' | 'live' | 'reconnecting' }
  | { kind: 'catching-up'; behind: number }

export const connectionState = computed<ConnectionState>(() => {
  if (followers.value === 0) return { kind: 'idle' }
  if (status.value === 'reconnecting') return { kind: 'reconnecting' }
  if (status.value !== 'connected') return { kind: 'connecting' }
  return behind.value > 0 ? { kind: 'catching-up', behind: behind.value } : { kind: 'live' }
})

export const connection = {
  connected(): void {
    status.value = 'connected'
  },
  /** @param intended whether this tab has closed it. */
  closed(intended: boolean): void {
    status.value = intended ? 'idle' : 'reconnecting'
  },
  /** A subscription has begun. @returns to be called at its end. */
  follows(): () => void {
    followers.value += 1
    if (status.value === 'idle') status.value = 'connecting'
    return () => {
      followers.value -= 1
      behind.value = 0
    }
  },
  /** @param count events that are recorded and have not arrived. */
  isBehind(count: number): void {
    behind.value = count
  },
  onRetryNow(callback: () => void): void {
    retryNow = callback
  },
  retryNow: () => retryNow(),
}
