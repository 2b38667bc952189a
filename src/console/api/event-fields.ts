import { print } from '@0no-co/graphql.web'
import type { DocumentNode } from 'graphql'

/** Fragments as a selection: the client makes its own document to follow, in which there are no other definitions. */
export function eventFields(fragments: readonly DocumentNode[]): string {
  return fragments.map((fragment) => print(fragment).replace(/^fragment \w+ on/, '... on')).join(' ')
}
