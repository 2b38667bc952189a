import { computed, effect, signal } from '@preact/signals'
import type { ResultOf } from '../api/graphql.ts'
import { request } from '../api/request.ts'
import { ORGANIZATIONS } from './documents.ts'
import { key } from './key.ts'
import { viewer } from './viewer.ts'

export type Organization = ResultOf<typeof ORGANIZATIONS>['organizations']['nodes'][number]

/** Those that the key can see, newest first; undefined until they are known. */
export const organizations = signal<readonly Organization[] | undefined>()

const chosen = signal<string | undefined>()

/** The one whose streams are listed. A key of an organization has only that one. */
export const organization = computed(
  () => organizations.value?.find(({ id }) => id === chosen.value) ?? organizations.value?.[0],
)

export function chooseOrganization(id: string): void {
  chosen.value = id
}

export async function loadOrganizations(): Promise<void> {
  const { isRoot, organization: own } = viewer.value ?? {}
  if (isRoot) organizations.value = (await request(ORGANIZATIONS, {})).organizations.nodes
  else organizations.value = own ? [own] : []
}

effect(() => {
  if (key.value === undefined) organizations.value = undefined
})
