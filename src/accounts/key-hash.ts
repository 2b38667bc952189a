import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** The part of a key that is kept readable, so that its owner can tell which one it is. */
const PREFIX_LENGTH = 16

/** A fresh key: 256 random bits behind a prefix that secret scanners can recognise. */
export function makeKey(): string {
  return `tidemark_${randomBytes(32).toString('base64url')}`
}

/** What is stored of a key. A plain SHA-256 suffices: slow hashes are for secrets that people choose. */
export function storedForm(key: string): { prefix: string; hash: string } {
  return { prefix: key.slice(0, PREFIX_LENGTH), hash: hashKey(key) }
}

/** Hex SHA-256 of a key. */
export function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

/** Compares two hashes in a time that does not depend on where they differ. */
export function sameHash(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a, 'hex'), Buffer.from(b, 'hex'))
}
