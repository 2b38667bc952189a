/** Characters of a part: a few times of what is in view. */
const PART = 4_096

/** Splits a text after line ends where it has any; together, the parts are the text. */
export function partsOf(text: string): string[] {
  const parts: string[] = []
  for (let start = 0; start < text.length; ) {
    const end = endOf(text, start)
    parts.push(text.slice(start, end))
    start = end
  }
  return parts
}

function endOf(text: string, start: number): number {
  const end = start + PART
  if (end >= text.length) return text.length
  const line = text.lastIndexOf('\n', end - 1) + 1
  if (line > start + PART / 2) return line
  // Not between the halves of a surrogate pair.
  return /[\uD800-\uDBFF]/.test(text.charAt(end - 1)) ? end + 1 : end
}

/** Positions of a text in another, in upper or lower case, up to a number of them. */
export function positionsOf(text: string, search: string, most: number): number[] {
  const [where, what] = [text.toLowerCase(), search.toLowerCase()]
  // Some letters have another length in lower case, and positions would be wrong.
  const haystack = where.length === text.length ? where : text
  const found: number[] = []
  for (let at = haystack.indexOf(what); at >= 0 && found.length < most; at = haystack.indexOf(what, at + what.length)) {
    found.push(at)
  }
  return found
}
