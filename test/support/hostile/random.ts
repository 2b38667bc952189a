/** Numbers that are reproducible by seed. */
export interface Random {
  /** An integer in a range, both ends included. */
  between: (least: number, most: number) => number
  /** Small numbers more often, in the same range. */
  skewed: (least: number, most: number) => number
  pick: <T>(list: readonly T[]) => T
}

/** Mulberry32. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1))
  return {
    between,
    skewed: (least, most) => least + Math.floor(next() ** 3 * (most - least + 1)),
    pick: (list) => list[between(0, list.length - 1)] as (typeof list)[number],
  }
}
