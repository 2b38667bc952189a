/** The position in a cursor: bytes 17 to 24. */
export function positionIn(cursor: string): number {
  return Number(Buffer.from(cursor, 'base64url').readBigUInt64BE(17))
}

/** A cursor as versions before epochs made it. */
export function withoutEpoch(cursor: string): string {
  const bytes = Buffer.from(cursor, 'base64url').subarray(0, 25)
  bytes[0] = 1
  return bytes.toString('base64url')
}

/** Another cursor of the same position: one that is valid in every epoch. */
export function ofAnyEpoch(cursor: string): string {
  return Buffer.from(cursor, 'base64url').fill(0xff, 25).toString('base64url')
}

/** The cursor of another position in the same history. */
export function cursorAt(cursor: string, position: number | bigint): string {
  const bytes = Buffer.from(cursor, 'base64url')
  bytes.writeBigUInt64BE(BigInt(position), 17)
  return bytes.toString('base64url')
}
