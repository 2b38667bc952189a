import { setTimeout } from 'node:timers/promises'

/** The result of the work, if it arrives in time; later ones are dropped. @throws Error on timeout. */
export async function withTimeout<Result>(work: Promise<Result>, milliseconds: number): Promise<Result> {
  const settled = new AbortController()
  const late = setTimeout(milliseconds, undefined, { signal: settled.signal }).then(() => {
    throw new Error(`Timed out after ${milliseconds} ms.`)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    settled.abort()
  }
}
