export class ByteLimitError extends Error {
  override name = 'ByteLimitError'
}

/** Reads a decompressed response body, empty if absent. @throws ByteLimitError above `limit` bytes. */
export async function readBytes({ headers, body }: Response, limit: number): Promise<Buffer> {
  if (Number(headers.get('content-length')) > limit) throw new ByteLimitError()
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.length
    if (size > limit) throw new ByteLimitError()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
