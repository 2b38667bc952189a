import { hash, randomBytes, timingSafeEqual } from 'node:crypto'

/** Characters stored in clear, so the owner can identify the key. */
const PREFIX_LENGTH = 16

/** A new key: 256 random bits behind a prefix that secret scanners recognise. */
export function makeKey(): string {
  return `tidemark_${randomBytes(32).toString('base64url')}`
}

/** What is stored of a key; plain SHA-256 suffices, slow hashes are for passwords that people choose. */
export function storedForm(key: string): { prefix: string; hash: string } {
  return { prefix: key.slice(0, PREFIX_LENGTH), hash: hashKey(key) }
}

export function hashKey(key: string): string {
  return hash('sha256', key, 'hex')
}

/** Compares two hex hashes in constant time. */
export function sameHash(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a, 'hex'), Buffer.from(b, 'hex'))
}
