import type { GraphQLResolveInfo } from 'graphql'
import { Attached } from '../lib/attached.ts'
import type { KeptText, KeptTexts } from '../lib/kept-texts.ts'
import type { Stream } from '../log/read/stream-index.ts'

/** A place in a compiled operation whose text depends on nothing but the page that its resolver returns. */
interface KeepingPlace {
  readonly texts: KeptTexts
  readonly id: number
}

/** What compiled operations hand to resolvers. */
export interface CompiledInfo extends GraphQLResolveInfo {
  readonly keeping?: KeepingPlace
}

/** Instead of a page: its text, as a compiled operation has written it of the same state of the stream. */
export class WrittenPage {
  readonly kept: KeptText

  constructor(kept: KeptText) {
    this.kept = kept
  }
}

const keys = new Attached<object, string>()

/**
 * A page of a stream, or the text that it was written as before. The stream was found after the request arrived, so
 * neither is older. @param args all that the page depends on.
 */
export async function keptPage<Page extends object>(
  { keeping }: CompiledInfo,
  { id, version, first, head, epoch }: Stream,
  args: object,
  read: () => Promise<Page>,
): Promise<Page> {
  if (!keeping) return await read()
  const key = `${keeping.id} ${id} ${version} ${first} ${head} ${epoch} ${JSON.stringify(args)}`
  const kept = keeping.texts.find(key)
  // Only the writer of that place receives it.
  if (kept) return new WrittenPage(kept) as unknown as Page
  const page = await read()
  keys.attach(page, key)
  return page
}

/** What the text of a page is kept under. */
export function keyOfPage(page: unknown): string | undefined {
  return typeof page === 'object' && page !== null ? keys.of(page) : undefined
}
