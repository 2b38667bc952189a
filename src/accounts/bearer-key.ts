/** The key of an `Authorization: Bearer KEY` header; the scheme's case does not matter. Undefined for any other scheme. */
export function bearerKey(authorization: string | null | undefined): string | undefined {
  return /^bearer +(\S+)\s*$/i.exec(authorization ?? '')?.[1]
}
