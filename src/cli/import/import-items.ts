import type { ImportItem, ImportSource, StreamItem } from './import-item.ts'
import type { ImportSummary, ItemResult } from './import-summary.ts'
import type { ImportTarget } from './import-target.ts'
import { readAhead } from './read-ahead.ts'
import { recordEvents } from './record-events.ts'
import { recordObject } from './record-object.ts'

/** Imports in order, reading a few MB ahead; repeatable. @returns false if it stopped at an item that was rejected. */
export async function importItems(
  source: ImportSource,
  target: ImportTarget,
  summary: ImportSummary,
): Promise<boolean> {
  for await (const items of readAhead(source)) {
    const results = new Map<ImportItem, ItemResult>()
    try {
      await record(target.keepGoing ? items : upToProblem(items), target, results)
    } finally {
      // Results are set concurrently; this keeps the order of the items.
      for (const item of items) {
        const result = results.get(item)
        if (result) summary.add(item, result)
      }
    }
    const { conflicts, rejected } = summary.counts
    if (!target.keepGoing && conflicts + rejected > 0) return false
  }
  return true
}

function upToProblem(items: readonly ImportItem[]): readonly ImportItem[] {
  const end = items.findIndex(({ problem }) => problem !== undefined)
  return end === -1 ? items : items.slice(0, end + 1)
}

async function record(
  items: readonly ImportItem[],
  target: ImportTarget,
  results: Map<ImportItem, ItemResult>,
): Promise<void> {
  const byStream = new Map<string, StreamItem[]>()
  for (const item of items) {
    if (item.streamId !== undefined) {
      const key = `${item.kind} ${item.streamId}`
      const known = byStream.get(key)
      if (known) known.push(item as StreamItem)
      else byStream.set(key, [item as StreamItem])
    } else if (!(await recordObject(item, target, results)) && !target.keepGoing) {
      // Streams that came before it are recorded all the same.
      break
    }
  }
  const queue = [...byStream.values()]
  const work = async () => {
    for (let some = queue.shift(); some; some = queue.shift()) await recordInStream(some, target, results)
  }
  await Promise.all(Array.from({ length: Math.min(target.atOnce, queue.length) }, work))
}

async function recordInStream(
  items: readonly StreamItem[],
  target: ImportTarget,
  results: Map<ImportItem, ItemResult>,
): Promise<void> {
  for (let start = 0; start < items.length; ) {
    const item = items[start] as StreamItem
    const end = item.event ? endOfEvents(items, start) : start + 1
    const recorded = item.event
      ? await recordEvents(items.slice(start, end), target, results)
      : await recordObject(item, target, results)
    // Its events may belong to a stream of another organization here.
    if (!(recorded || item.event)) target.streams.bar(item.streamId)
    if (!recorded && !target.keepGoing) return
    start = end
  }
}

function endOfEvents(items: readonly StreamItem[], start: number): number {
  const end = items.findIndex(({ event }, i) => i > start && !event)
  return end === -1 ? items.length : end
}
