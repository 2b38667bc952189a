import { effect, signal } from '@preact/signals'
import type { ResultOf } from '../api/graphql.ts'
import { request } from '../api/request.ts'
import { organization } from '../session/organization.ts'
import { viewer } from '../session/viewer.ts'
import { STREAMS } from './documents.ts'

/** Milliseconds between two looks at which streams there are; their events are followed where they are shown. */
const LOOK_MS = 3_000

const SHOWN = 25

export type Streams = ResultOf<typeof STREAMS>

/** Datasets and reports of the organization; undefined until they are known. */
export const streams = signal<Streams | undefined>()

export async function loadStreams(): Promise<void> {
  const organizationId = organization.peek()?.id
  if (!viewer.peek() || (viewer.peek()?.isRoot && !organizationId)) return
  const found = await request(STREAMS, { organizationId, first: SHOWN }).catch(() => undefined)
  if (found && organization.peek()?.id === organizationId) streams.value = found
}

/** Keeps the lists current while the page is visible. @returns a function that stops it. */
export function watchStreams(): () => void {
  const timer = setInterval(() => document.hidden || void loadStreams(), LOOK_MS)
  const stop = effect(() => {
    organization.value
    streams.value = undefined
    void loadStreams()
  })
  return () => {
    clearInterval(timer)
    stop()
  }
}
