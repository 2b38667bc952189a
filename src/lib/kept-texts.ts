import { LRUCache } from 'lru-cache'

/** Most UTF-16 units of all texts, and of one; most keys that are remembered as asked for once. */
const MOST = { all: 8_388_608, text: 65_536, askedOnce: 1_000 } as const

/** A text, and what of an operation's budget it was drawn from. */
export interface KeptText {
  readonly text: string
  readonly values: number
  readonly characters: number
}

/** Texts that are the same as long as their keys are: what is shown of one state of a stream. */
export class KeptTexts {
  readonly #texts = new LRUCache<string, KeptText>({
    maxSize: MOST.all,
    maxEntrySize: MOST.text,
    sizeCalculation: ({ text }, key) => text.length + key.length,
  })
  readonly #askedOnce = new LRUCache<string, true>({ max: MOST.askedOnce })

  find(key: string): KeptText | undefined {
    return this.#texts.get(key)
  }

  /** Keeps a text that is made for the second time: most pages are read once. */
  keep(key: string, text: string, drawn: Omit<KeptText, 'text'> = { values: 0, characters: 0 }): void {
    if (text.length > MOST.text) return
    if (!this.#askedOnce.delete(key)) this.#askedOnce.set(key, true)
    else this.#texts.set(key, { text: copied(text), ...drawn })
  }
}

// Concatenation only links texts, and each link is an object.
function copied(text: string): string {
  return Buffer.from(text).toString()
}
