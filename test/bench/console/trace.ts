import type { Browser, Page } from 'playwright-core'

const CATEGORIES = ['devtools.timeline', 'disabled-by-default-devtools.timeline', 'blink.user_timing', '__metadata']

/** An event of Chromium's trace; times are in microseconds. */
interface TraceEvent {
  name: string
  cat: string
  ts: number
  /** Of the wall clock, and of the thread's CPU. */
  dur?: number
  tdur?: number
  pid: number
  tid: number
  args: { name?: string; data?: { type?: string } }
}

/** A task of the page's main thread; milliseconds. */
export interface Task {
  /** Since an arbitrary time, that of Chromium's other clocks. */
  readonly start: number
  readonly wall: number
  readonly cpu: number
  /** What took longest in it. */
  readonly work: string
}

export interface Trace {
  readonly tasks: readonly Task[]
  /** Times of `performance.mark`, and of the first frame after a mark; in milliseconds. */
  markAt(name: string): number | undefined
  frameAfter(time: number): number | undefined
  /** CPU time of the main thread between two times. */
  cpuBetween(start: number, end: number): number
}

/** Runs something while Chromium traces the page. */
export async function traced(browser: Browser, page: Page, run: () => Promise<void>): Promise<Trace> {
  await browser.startTracing(page, { categories: CATEGORIES })
  await run()
  const { traceEvents } = JSON.parse(String(await browser.stopTracing())) as { traceEvents: TraceEvent[] }
  return readTrace(traceEvents)
}

function readTrace(events: readonly TraceEvent[]): Trace {
  const threads = events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
  const isMain = new Set(threads.map(({ pid, tid }) => `${pid} ${tid}`))
  const main = events.filter(({ pid, tid }) => isMain.has(`${pid} ${tid}`)).toSorted((a, b) => a.ts - b.ts)
  const timed = main.filter((event): event is TraceEvent & { dur: number } => event.dur !== undefined)
  const works = timed.filter(({ name }) => name !== 'RunTask')
  const tasks = timed
    .filter(({ name }) => name === 'RunTask')
    .map((task) => {
      const cpu = (task.tdur ?? task.dur) / 1_000
      return { start: task.ts / 1_000, wall: task.dur / 1_000, cpu, work: cpu > 10 ? longestIn(task, works) : '' }
    })
  return {
    tasks,
    markAt: (name) => toMs(main.find((event) => event.cat.includes('blink.user_timing') && event.name === name)?.ts),
    frameAfter(time) {
      const commit = works.find((event) => event.name === 'Commit' && event.ts / 1_000 >= time)
      return commit && (commit.ts + commit.dur) / 1_000
    },
    cpuBetween: (start, end) =>
      tasks.filter((task) => task.start >= start && task.start < end).reduce((sum, { cpu }) => sum + cpu, 0),
  }
}

function toMs(microseconds: number | undefined): number | undefined {
  return microseconds === undefined ? undefined : microseconds / 1_000
}

function longestIn(task: TraceEvent & { dur: number }, works: readonly (TraceEvent & { dur: number })[]): string {
  const inside = works.filter(
    ({ ts, dur, pid, tid }) =>
      pid === task.pid && tid === task.tid && ts >= task.ts && ts + dur <= task.ts + task.dur && dur < task.dur * 0.99,
  )
  return inside
    .toSorted((a, b) => b.dur - a.dur)
    .slice(0, 4)
    .map(({ name, dur, args }) => `${name}${args.data?.type ? `(${args.data.type})` : ''} ${(dur / 1_000).toFixed(0)}`)
    .join(', ')
}

/** The longest tasks, for a person to read. */
export function describeTasks(tasks: readonly Task[]): string {
  const longest = tasks.toSorted((a, b) => b.cpu - a.cpu)
  const [first] = longest
  if (!first) return 'no task'
  const long = tasks.filter(({ cpu }) => cpu > 50).length
  const wall = tasks.filter(({ wall }) => wall > 50).length
  const lines = longest
    .filter(({ cpu }) => cpu > 25)
    .slice(0, 5)
    .map(({ cpu, wall, work }) => `    ${cpu.toFixed(1)} ms of CPU, ${wall.toFixed(1)} ms: ${work}`)
  return [
    `${tasks.length} tasks, longest ${first.cpu.toFixed(1)} ms of CPU; ${long} over 50 ms of CPU, ${wall} by the clock`,
    ...lines,
  ].join('\n')
}
