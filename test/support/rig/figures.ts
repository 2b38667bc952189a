import { readdir, readFile, writeFile } from 'node:fs/promises'

/** Kernel statistics of a process: current and peak memory in MiB, and CPU seconds. */
export interface ProcessFigures {
  rss: number
  peak: number
  cpu: number
}

/** The statistics of a process, undefined once it has ended. */
export async function processFigures(pid: number): Promise<ProcessFigures | undefined> {
  try {
    const [status, stat] = await Promise.all([
      readFile(`/proc/${pid}/status`, 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ])
    const mebibytes = (name: string) => {
      const [, kibibytes] = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status) ?? []
      return kibibytes === undefined ? undefined : Math.round(Number(kibibytes) / 1_024)
    }
    const [rss, peak] = [mebibytes('VmRSS'), mebibytes('VmHWM')]
    const [user = 0, system = 0] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number)
    return rss === undefined || peak === undefined ? undefined : { rss, peak, cpu: (user + system) / 100 }
  } catch {
    return undefined
  }
}

/** Resets the peak. */
export function resetPeak(pid: number): Promise<void> {
  return writeFile(`/proc/${pid}/clear_refs`, '5').catch(() => undefined)
}

/** The number of open descriptors of a process, 0 once it has ended. */
export async function openDescriptors(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`).catch(() => [])).length
}

/** A quantile of the sorted values. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}
