import type { Deliveries } from '../../subscriptions/delivery.ts'

/** Bytes up to which the frames of one write are one buffer; above, the results are not copied for each socket. */
const JOINED = 65_536

const CLOSE = Buffer.from('}')

const TEXT = 0x81

/** The `next` messages of results as frames (RFC 6455, 5.2); only the id differs between sockets. */
export function preparedFrames(deliveries: Deliveries, id: string): readonly Buffer[] {
  return deliveries.prepared(id, () => {
    const start = Buffer.from(`{"id":${JSON.stringify(id)},"type":"next","payload":`)
    const pieces = deliveries.all.flatMap(({ body }) => {
      return [headerOf(start.length + body.length + CLOSE.length), start, body, CLOSE]
    })
    return deliveries.size <= JOINED ? [Buffer.concat(pieces)] : pieces
  })
}

function headerOf(length: number): Buffer {
  if (length < 126) return Buffer.from([TEXT, length])
  const header = Buffer.alloc(length < 65_536 ? 4 : 10)
  header[0] = TEXT
  header[1] = length < 65_536 ? 126 : 127
  if (length < 65_536) header.writeUInt16BE(length, 2)
  else header.writeBigUInt64BE(BigInt(length), 2)
  return header
}
