/** The 16 bytes of a hyphenated UUID of any version; the uuid package accepts only the versions it knows. */
export function uuidBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex')
}
