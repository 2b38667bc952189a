/** Acknowledged items that a list lacks, repeats or has out of order. It can contain unacknowledged ones, too. */
export function compared(name: string, expected: readonly number[], found: readonly number[]): string[] {
  const problems: string[] = []
  const seen = new Set<number>()
  let highest = 0
  for (const n of found) {
    if (seen.has(n)) problems.push(`${name}: ${n} twice`)
    else if (n < highest) problems.push(`${name}: ${n} after ${highest}`)
    highest = Math.max(highest, n)
    seen.add(n)
  }
  for (const n of expected) if (!seen.has(n)) problems.push(`${name}: ${n} is missing`)
  return problems
}
