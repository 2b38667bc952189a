/** Length of a piece of a long text, in UTF-16 units. */
export const PIECE = 65_536

/** JSON text in pieces, which are sent one by one. */
export class LongText {
  readonly pieces: readonly string[]

  constructor(pieces: readonly string[]) {
    this.pieces = pieces
  }

  static of(text: string): LongText {
    const pieces: string[] = []
    for (let start = 0; start < text.length; ) {
      const end = start + PIECE
      // Both halves of a surrogate pair belong to one piece.
      const next = isHighSurrogate(text.charCodeAt(end - 1)) ? end + 1 : end
      pieces.push(text.slice(start, next))
      start = next
    }
    return new LongText(pieces)
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

export type Text = string | LongText

/** Text that waits for a resolver, or for other operations. */
export type Written = Text | Promise<Text>

/** Joins what was written, in order, once all of it is there. Rejections are handled, whichever comes first. */
export function joined(parts: readonly Written[]): Written {
  return parts.some((part) => part instanceof Promise) ? Promise.all(parts).then(join) : join(parts as readonly Text[])
}

function join(parts: readonly Text[]): Text {
  if (parts.every((part) => typeof part === 'string')) return parts.join('')
  return new LongText(parts.flatMap((part) => (typeof part === 'string' ? [part] : part.pieces)))
}

export function wholeText(text: Text): string {
  return typeof text === 'string' ? text : text.pieces.join('')
}
