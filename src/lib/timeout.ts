import { setTimeout } from 'node:timers/promises'

/** Work in several steps checks the signal between them, so that it ends after a timeout. */
type Work<Result> = Promise<Result> | ((signal: AbortSignal) => Promise<Result>)

/** The result of the work, if it arrives in time; later ones are dropped. @throws Error on timeout. */
export async function withTimeout<Result>(work: Work<Result>, milliseconds: number): Promise<Result> {
  const settled = new AbortController()
  const late = setTimeout(milliseconds, undefined, { signal: settled.signal }).then(() => {
    throw new Error(`Timed out after ${milliseconds} ms.`)
  })
  try {
    return await Promise.race([typeof work === 'function' ? work(settled.signal) : work, late])
  } finally {
    settled.abort()
  }
}
