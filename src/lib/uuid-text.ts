export type UuidText = { readonly uuid: string; readonly problem?: undefined } | { readonly problem: string }

const GROUPS = [8, 4, 4, 4, 12] as const

/** Parses the forms both upstreams accept (hyphens or none, braces, `urn:uuid:`), with their Rust crate's messages. */
export function readUuid(text: string): UuidText {
  const { digits, offset } = strip(text)
  const invalid = /[^0-9a-fA-F-]/u.exec(digits)
  if (invalid) {
    // All characters before the first invalid one are ASCII, so the index is a byte position.
    const position = invalid.index + offset + 1
    const expected = 'expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-]'
    return { problem: `invalid character: ${expected}, found \`${invalid[0]}\` at ${position}` }
  }
  const groups = digits.split('-')
  if (groups.length === 1 && offset === 0) {
    if (digits.length === 32) return { uuid: canonical(digits) }
    return { problem: `invalid length: expected length 32 for simple format, found ${text.length}` }
  }
  if (groups.length !== GROUPS.length) return { problem: `invalid group count: expected 5, found ${groups.length}` }
  for (const [index, expected] of GROUPS.entries()) {
    const found = groups[index]?.length ?? 0
    if (found !== expected)
      return { problem: `invalid group length in group ${index}: expected ${expected}, found ${found}` }
  }
  return { uuid: canonical(groups.join('')) }
}

function strip(text: string): { digits: string; offset: number } {
  if (text.startsWith('{') && text.endsWith('}')) return { digits: text.slice(1, -1), offset: 1 }
  if (text.startsWith('urn:uuid:')) return { digits: text.slice(9), offset: 9 }
  return { digits: text, offset: 0 }
}

function canonical(digits: string): string {
  return digits.toLowerCase().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
