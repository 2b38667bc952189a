import { computed, effect, signal } from '@preact/signals'
import type { ResultOf } from '../api/graphql.ts'
import { request } from '../api/request.ts'
import { VIEWER } from './documents.ts'
import { key } from './key.ts'

export type Viewer = NonNullable<ResultOf<typeof VIEWER>['viewer']>

/** What the key of this tab is and may do; undefined until the server has said so. */
export const viewer = signal<Viewer | undefined>()

/** Whether the key is restricted to certain streams: then it sees no organization. */
export const isRestricted = computed(() => {
  const { datasetIds = [], reportIds = [] } = viewer.value ?? {}
  return datasetIds.length + reportIds.length > 0
})

export const mayAdminister = computed(() => viewer.value?.role === 'ADMIN' && !isRestricted.value)

/** @throws ApiError UNAUTHENTICATED if the key is not valid. */
export async function loadViewer(): Promise<void> {
  viewer.value = (await request(VIEWER, {})).viewer ?? undefined
}

effect(() => {
  if (key.value === undefined) viewer.value = undefined
})
