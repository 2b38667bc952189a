import { effect, signal } from '@preact/signals'
import type { ResultOf } from '../api/graphql.ts'
import { request } from '../api/request.ts'
import { organization } from '../session/organization.ts'
import { mayAdminister, viewer } from '../session/viewer.ts'
import { OPERATED, STREAMS } from './documents.ts'

/**
 * Milliseconds between two looks at which streams there are, fewer while nothing changes: the API has no subscription
 * to lists. Events are followed where they are shown.
 */
const LOOK_MS = { first: 3_000, most: 30_000 } as const

const SHOWN = 25

export type Streams = ResultOf<typeof STREAMS>

/** Datasets and reports of the organization; undefined until they are known. */
export const streams = signal<Streams | undefined>()

/** What an administrator may know of the organization. */
export const operated = signal<ResultOf<typeof OPERATED> | undefined>()

export async function loadStreams(): Promise<void> {
  const organizationId = organization.peek()?.id
  if (!viewer.peek() || (viewer.peek()?.isRoot && !organizationId)) return
  const [found, numbers] = await Promise.all([
    request(STREAMS, { organizationId, first: SHOWN }).catch(() => undefined),
    organizationId && mayAdminister.peek() ? request(OPERATED, { organizationId }).catch(() => undefined) : undefined,
  ])
  if (organization.peek()?.id !== organizationId) return
  operated.value = numbers
  if (found) streams.value = found
}

/** Keeps the lists current while the page is visible. @returns a function that stops it. */
export function watchStreams(): () => void {
  let wait: number = LOOK_MS.first
  let timer: ReturnType<typeof setTimeout> | undefined
  const look = async () => {
    clearTimeout(timer)
    const before = JSON.stringify(streams.peek())
    await loadStreams()
    wait = JSON.stringify(streams.peek()) === before ? Math.min(wait * 2, LOOK_MS.most) : LOOK_MS.first
    clearTimeout(timer)
    if (!isOver) timer = setTimeout(() => document.hidden || void look(), wait)
  }
  let isOver = false
  const lookAgain = () => {
    wait = LOOK_MS.first
    if (!document.hidden) void look()
  }
  document.addEventListener('visibilitychange', lookAgain)
  const stop = effect(() => {
    organization.value
    streams.value = undefined
    operated.value = undefined
    void look()
  })
  return () => {
    isOver = true
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', lookAgain)
    stop()
  }
}
