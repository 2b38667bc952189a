import { until } from './until.ts'

/** What `/readyz` says of the history of a database, which it leaves out while it is busy. */
export async function historyOf({ url }: { url: string }): Promise<Record<string, unknown>> {
  let history: Record<string, unknown> | undefined
  await until(async () => {
    history = (await (await fetch(`${url}/readyz`)).json()).history
    return history !== undefined
  })
  return history as Record<string, unknown>
}
