/** How many words there are between blanks. */
export function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0
}

/** Such as `1 file` or `2 files`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
