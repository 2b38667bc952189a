import { processFiles } from './process-files.ts'
import { writeBlock } from './report-block.ts'
import type { SourceFile } from './source-files.ts'
import { blockUpdate, operation, type ReportBlock, type Step, state } from './step.ts'
import { count } from './words.ts'

/** Reads and chunks files and writes a report; each step waits for the caller. @param names at least one file. */
export async function* runPipeline(folder: string, names: string[]): AsyncGenerator<Step, void> {
  yield state('PLANNING', `Planning a report about ${count(names.length, 'Markdown file')}`)
  yield* plan(names)
  const files = yield* processFiles(folder, names)
  if (files.length === 0) return yield state('ERROR', 'No report: none of the files could be read')
  yield state('GENERATING', `Writing ${count(files.length, 'block')}, one for each file`)
  const blocks = yield* generateBlocks(files)
  const summary = yield* summarize(files)
  yield* edit(blocks, summary)
  yield state('COMPLETED', `The report is finished: ${summary}`)
}

function* plan(names: string[]): Generator<Step> {
  const loading = operation('LOAD_TEMPLATE')
  yield loading(0, 'Loading the template of a block')
  yield loading(1, 'Each block has a title, an introduction, headings and a word count')
  const planning = operation('EXTRACT_PLAN')
  yield planning(0, 'Selecting the blocks to write')
  yield planning(1, `One block for each of ${count(names.length, 'file')}`, { file_names: names })
}

function* generateBlocks(files: SourceFile[]): Generator<Step, ReportBlock[]> {
  const generating = operation('GENERATE_BLOCK')
  const blocks: ReportBlock[] = []
  for (const [idx, file] of files.entries()) {
    yield generating(idx / files.length, `Writing block ${idx} about ${file.name}`)
    const block = writeBlock(file, idx)
    blocks.push(block)
    yield blockUpdate(`Block ${idx} about ${file.name} is ready`, block)
  }
  yield generating(1, `Wrote ${count(files.length, 'block')}`)
  return blocks
}

function* summarize(files: SourceFile[]): Generator<Step, string> {
  const summarizing = operation('SUMMARIZE')
  yield summarizing(0, `Summarizing ${count(files.length, 'file')}`)
  const words = files.reduce((sum, file) => sum + file.words, 0)
  const chunks = files.reduce((sum, file) => sum + file.chunks.length, 0)
  const summary = `${count(files.length, 'file')}, ${count(chunks, 'chunk')}, ${count(words, 'word')}`
  yield summarizing(1, summary, { files: files.length, chunks, words })
  return summary
}

function* edit([first]: ReportBlock[], summary: string): Generator<Step> {
  if (!first) return
  const editing = operation('EDITING')
  yield editing(0, 'Adding the summary to block 0')
  // A later update with the same idx replaces the block.
  yield blockUpdate('Block 0 is updated', { ...first, template: `In this report: ${summary}.\n\n${first.template}` })
  yield editing(1, 'Added the summary to block 0')
}
