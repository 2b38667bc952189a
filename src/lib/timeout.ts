import { setTimeout } from 'node:timers/promises'

/**
 * The outcome of the work, if it comes in time. What comes later is lost.
 * @throws Error when it does not.
 */
export async function withTimeout<Result>(work: Promise<Result>, milliseconds: number): Promise<Result> {
  const settled = new AbortController()
  const late = setTimeout(milliseconds, undefined, { signal: settled.signal }).then(() => {
    throw new Error(`No answer within ${milliseconds} ms.`)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    settled.abort()
  }
}
