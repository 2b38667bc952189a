import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { StartError } from '../../errors.ts'

const GZIP = '1f8b'

/** First bytes of other formats, in hexadecimal digits, and what to do about them. */
const FOREIGN: readonly [start: string, name: string, command: string][] = [
  [GZIP, 'compressed twice', 'gunzip -c FILE'],
  ['28b52ffd', 'compressed with zstd', 'zstd -dc FILE'],
  ['425a68', 'compressed with bzip2', 'bzip2 -dc FILE'],
  ['fd377a585a00', 'compressed with xz', 'xz -dc FILE'],
  ['504b0304', 'a ZIP archive', 'unzip -p FILE'],
  ['fffe', 'UTF-16', 'iconv -f UTF-16 -t UTF-8 FILE'],
  ['feff', 'UTF-16', 'iconv -f UTF-16 -t UTF-8 FILE'],
]

const LONGEST = 6

/** Unpacks gzip, known by its first bytes. @throws StartError for other formats; zlib's error for damaged data. */
export async function* unpacked(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { start, whole } = await peek(input)
  yield* start.startsWith(GZIP) ? gunzipped(whole) : textOf(start, whole)
}

async function* gunzipped(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let read = 0
  const counted = async function* () {
    for await (const chunk of packed) {
      read += chunk.length
      yield chunk
    }
  }
  // Iterating over it throws the errors of both.
  const gunzip = pipeline(Readable.from(counted()), createGunzip(), () => undefined)
  const { start, whole } = await peek(gunzip)
  yield* textOf(start, whole)
  // It ends without an error where no further member begins, although one may be damaged.
  if (read > gunzip.bytesWritten)
    throw new StartError('The input has other data after its compressed data: it is damaged.')
}

async function* textOf(start: string, whole: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const [, name, command] = FOREIGN.find(([bytes]) => start.startsWith(bytes)) ?? []
  if (name !== undefined) throw new StartError(`The input is ${name}. Convert it first: ${command} | tidemark import -`)
  yield* whole
}

/** The first bytes in hexadecimal digits, and all bytes, these included. */
async function peek(input: AsyncIterable<Buffer>): Promise<{ start: string; whole: AsyncIterable<Buffer> }> {
  const chunks = input[Symbol.asyncIterator]()
  let start = Buffer.alloc(0)
  while (start.length < LONGEST) {
    const { done, value } = await chunks.next()
    if (done) break
    start = Buffer.concat([start, value])
  }
  const whole = async function* () {
    yield start
    yield* { [Symbol.asyncIterator]: () => chunks }
  }
  return { start: start.subarray(0, LONGEST).toString('hex'), whole: whole() }
}
