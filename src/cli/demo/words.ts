export function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
