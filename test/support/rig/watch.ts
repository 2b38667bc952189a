import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { NeighbourOptions, Watched } from './neighbour.ts'

/** Runs an action while a neighbour, in a separate process, is served and measures the server. */
export async function watched<T>(
  options: NeighbourOptions,
  act: () => Promise<T>,
): Promise<{ result: T; ms: number; watched: Watched }> {
  const file = fileURLToPath(new URL('./neighbour.ts', import.meta.url))
  const neighbour = fork(file, [JSON.stringify(options)], { execArgv: ['--import', 'tsx'] })
  try {
    await once(neighbour, 'message')
    const began = performance.now()
    const result = await act()
    const ms = Math.round(performance.now() - began)
    const seen = once(neighbour, 'message')
    neighbour.send('stop')
    const [watched] = (await seen) as [Watched]
    return { result, ms, watched }
  } finally {
    neighbour.kill()
  }
}
