import { CodedError } from './errors.ts'
import type { LoggedEvent } from './log/event.ts'
import { MAX_PAGE_BYTES } from './log/page.ts'
import { textOf } from './log/report-snapshot.ts'
import type { CallLog } from './traced-log.ts'

/** Most text of events that one operation reads, in UTF-16 units: four full pages. */
const MOST = 4 * MAX_PAGE_BYTES

/**
 * The log for one operation, which reads so much of it and no more. What an operation costs is counted in values and says nothing of
 * their size, and it may ask for many pages, or for one page many times.
 * @throws CodedError BAD_USER_INPUT, from what reads.
 */
export function limitReading(log: CallLog): CallLog {
  let read = 0
  const count = (length: number) => {
    read += length
    if (read > MOST)
      throw new CodedError('BAD_USER_INPUT', `An operation reads at most ${MOST} characters of events. Ask for less.`)
  }
  const countEvents = (events: readonly LoggedEvent[]) => count(events.reduce((sum, { data }) => sum + data.length, 0))
  const reading: Pick<CallLog, 'page' | 'offsetPage' | 'reportSnapshot'> = {
    async page(streamId, request) {
      const page = await log.page(streamId, request)
      countEvents(page.events)
      return page
    },
    async offsetPage(streamId, request) {
      const page = await log.offsetPage(streamId, request)
      countEvents(page.events)
      return page
    },
    async reportSnapshot(reportId) {
      const snapshot = await log.reportSnapshot(reportId)
      count(textOf(snapshot))
      return snapshot
    },
  }
  return Object.assign(Object.create(log), reading)
}
