/** The key of an `Authorization: Bearer KEY` header, scheme in any case; undefined for other schemes. */
export function bearerKey(authorization: string | null | undefined): string | undefined {
  return /^bearer +(\S+)\s*$/i.exec(authorization ?? '')?.[1]
}
