import type { Follower } from './follower.ts'

/** Resolves once a follower at the head has something to do, or after a time. @param milliseconds absent: no limit. */
export function changed(follower: Follower, milliseconds?: number): Promise<void> {
  return new Promise((resolve) => {
    if (!follower.isAtHead) return resolve()
    const done = () => {
      clearTimeout(timer)
      unlisten()
      follower.reader = undefined
      resolve()
    }
    const unlisten = follower.tail.listen(done)
    follower.reader = { onStop: done }
    const timer = milliseconds === undefined ? undefined : setTimeout(done, milliseconds)
  })
}
