/** The 16 bytes of a UUID with hyphens, of any version: the uuid package takes only the versions it knows. */
export function uuidBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex')
}
