import { useLocation } from 'preact-iso'

export type Query = Readonly<Record<string, string | undefined>>

/** A path with a query; members without a value are left out. */
function addressOf(path: string, query: Query = {}): string {
  const entries = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]))
  const text = new URLSearchParams(entries).toString().replaceAll('%2C', ',').replaceAll('%3A', ':')
  return text ? `${path}?${text}` : path
}

/** The query of the page, which is the state of a view, so that its address is a link to it. */
export function useQuery(): {
  query: Readonly<Record<string, string>>
  href(changes: Query): string
  change(changes: Query, replace?: boolean): void
} {
  const { path, query, route } = useLocation()
  const href = (changes: Query) => addressOf(path, { ...query, ...changes })
  return { query, href, change: (changes, replace = true) => route(href(changes), replace) }
}
