import { randomUUID } from 'node:crypto'
import { readSource, type SourceFile } from './source-files.ts'
import { operation, type Step, workerEvent } from './step.ts'
import { count } from './words.ts'

export async function* processFiles(folder: string, names: string[]): AsyncGenerator<Step, SourceFile[]> {
  const processing = operation('FILE_PROCESSING')
  const files: SourceFile[] = []
  yield processing(0, `Reading ${count(names.length, 'file')}`)
  for (const [index, name] of names.entries()) {
    const file = await readSource(folder, name).catch((error: Error) => error)
    if (file instanceof Error) {
      // Trieve's clients expect a file id.
      const failed = { error: file.message, file_id: randomUUID() }
      yield workerEvent('FILE_UPLOAD_FAILED', file.message, failed)
    } else {
      yield* uploaded(file)
      files.push(file)
    }
    yield processing((index + 1) / names.length, `${name} ${file instanceof Error ? 'could not be read' : 'was read'}`)
  }
  return files
}

function* uploaded({ id, name, words, chunks }: SourceFile): Generator<Step> {
  yield workerEvent('FILE_UPLOADED', name, { file_id: id, file_name: name, pages: null, pdf2md_options: null })
  if (chunks.length === 0) return
  yield workerEvent('CHUNKS_UPLOADED', `${name}: ${count(chunks.length, 'chunk')}, ${count(words, 'word')}`, {
    bytes_ingested: chunks.reduce((bytes, { text }) => bytes + Buffer.byteLength(text), 0),
    chunk_ids: chunks.map((chunk) => chunk.id),
    // Words between blanks; a token count would depend on the model.
    tokens_ingested: words,
  })
}
