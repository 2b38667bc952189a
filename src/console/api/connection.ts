import { computed, signal } from '@preact/signals'

const status = signal<'connecting' | 'connected' | 'reconnecting'>('connecting')
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
  broke(): void {
    status.value = 'reconnecting'
  },
  /** A subscription has begun. @returns to be called at its end. */
  follows(): () => void {
    followers.value += 1
    status.value = 'connecting'
    return () => {
      followers.value -= 1
      behind.value = 0
    }
  },
  /** Events have arrived. @param count events that are recorded and have not. */
  isBehind(count: number): void {
    status.value = 'connected'
    behind.value = count
  },
  onRetryNow(callback: () => void): void {
    retryNow = callback
  },
  retryNow: () => retryNow(),
}
