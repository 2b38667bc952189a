/** The wake-ups part of `/readyz`. */
export interface WakeupState {
  source: string
  connected: boolean
}

/** How a server is notified of events of other servers. */
export async function wakeupState(url: string): Promise<WakeupState> {
  const { wakeups } = (await (await fetch(`${url}/readyz`)).json()) as { wakeups: WakeupState }
  return wakeups
}

/** How often a server has found new events for its subscribers because of the source. */
export async function tailReads(url: string, source: 'in-process' | 'postgres' | 'redis' | 'poll'): Promise<number> {
  return labelled(url, 'tidemark_tail_reads_total', source)
}

/** The value of a metric for a source. */
export async function labelled(url: string, name: string, source: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`^${name}\\{source="${source}"\\} (.*)$`, 'm').exec(text)?.[1])
}
