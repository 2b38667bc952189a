/** The samples of `/metrics` of a server, by name and labels as written there. */
export async function samples(url: string): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  for (const line of (await exposition(url)).split('\n')) {
    const [, sample, value] = /^([^# ].*) (\S+)$/.exec(line) ?? []
    if (sample) found.set(sample, Number(value))
  }
  return found
}

/** The names of the metrics that a server exposes, including those without samples. */
export async function metricNames(url: string): Promise<string[]> {
  return [...(await exposition(url)).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name as string)
}

/** The response of a server to Prometheus. */
export async function exposition(url: string): Promise<string> {
  return (await fetch(`${url}/metrics`)).text()
}
