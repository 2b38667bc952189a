import { execFile, execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ReportEventItem } from '@llamaindex/cloud/api'
import { expect, inject, onTestFinished, test } from 'vitest'
import { type DatabaseSettings, freshDatabase } from '../support/database.ts'
import { tidemark } from '../support/process.ts'

const GUIDE = `# Harbour guide

![badge](https://example.com/badge.svg)

Boats of every size moor here. 🚢

## Tides

${'The water rises and falls twice a day. '.repeat(20).trim()}

## Ropes

\`\`\`sh
# not a heading

coil --rope
\`\`\`

${'A bowline holds and comes undone again. '.repeat(25).trim()}
`

const LOG = '# Log\n\nNothing happened.\n'

/** A folder with two readable files, three unreadable ones, and some that the demo ignores. */
async function markdownFolder(): Promise<string> {
  const folder = await mkdtemp(join(inject('scratch'), 'markdown-'))
  for (const name of ['docs', 'node_modules', '.hidden']) await mkdir(join(folder, name))
  await writeFile(join(folder, 'guide.md'), GUIDE)
  await writeFile(join(folder, 'docs/log.md'), LOG)
  await writeFile(join(folder, 'latin.md'), Buffer.from('# Caf\xe9', 'latin1'))
  await symlink('nowhere.md', join(folder, 'gone.md'))
  execFileSync('mkfifo', [join(folder, 'pipe.md')])
  for (const name of ['node_modules/skipped.md', '.hidden/skipped.md', 'skipped.txt']) {
    await writeFile(join(folder, name), '# Skipped')
  }
  return folder
}

/** Runs `tidemark demo`. @param database its settings. */
function startDemo(database: DatabaseSettings, ...args: string[]) {
  const demo = tidemark(['demo', ...args], { PORT: '0', ...database })
  onTestFinished(() => void demo.child.kill('SIGKILL'))
  return {
    exit: demo.exited.then((code) => ({ code, stderr: demo.output.stderr })),
    stop: () => demo.child.kill('SIGTERM'),
    /** All output so far, as soon as a line matches. */
    printed: (pattern: RegExp) => demo.line(pattern).then(() => demo.output.stdout),
  }
}

/** Runs the printed commands in a shell, exactly as printed. */
async function runCommands(output: string) {
  const commands = output.match(/^curl (?:.*\\\n)*.*$/gm) ?? []
  expect(commands).toHaveLength(3)
  const answers = await Promise.all(commands.map((command) => promisify(execFile)('sh', ['-c', command])))
  const [graphql, trieve, llamaCloud] = answers.map(({ stdout }) => JSON.parse(stdout))
  return { graphql, trieve, events: llamaCloud as ReportEventItem[] }
}

test('the demo records what it has read, and its printed commands show it', async () => {
  const demo = startDemo(await freshDatabase(), await markdownFolder(), '--pace', '0')
  const output = await demo.printed(/^Pipeline finished: .*$/m)
  const page = /^Open +(http:\S+\/datasets\/[\w-]+)$/m.exec(output)?.[1] ?? ''
  expect((await fetch(page)).headers.get('content-type')).toContain('text/html')
  const { graphql, trieve, events } = await runCommands(output)
  expect(output).toContain(`Pipeline finished: 7 worker events, ${events.length} report events.`)

  expect(trieve.event_types.toSorted()).toEqual(['chunks_uploaded', 'file_upload_failed', 'file_uploaded'])
  const recorded = trieve.events.toReversed().map((event: { event_type: string; event_data: string }) => ({
    type: event.event_type,
    ...JSON.parse(event.event_data),
  }))
  const file = { type: 'file_uploaded', file_id: expect.any(String), pages: null, pdf2md_options: null }
  const log = { bytes_ingested: LOG.trim().length, chunk_ids: [expect.any(String)], tokens_ingested: 4 }
  const failed = { type: 'file_upload_failed', file_id: expect.any(String) }
  expect(recorded).toEqual([
    { ...file, file_name: 'docs/log.md' },
    { type: 'chunks_uploaded', ...log },
    { ...failed, error: expect.stringContaining('ENOENT') },
    { ...file, file_name: 'guide.md' },
    expect.objectContaining({ type: 'chunks_uploaded', tokens_ingested: GUIDE.split(/\s+/).filter(Boolean).length }),
    { ...failed, error: 'latin.md is not valid UTF-8 text' },
    { ...failed, error: 'pipe.md is not a file' },
  ])

  expect(graphql.errors).toBeUndefined()
  expect(graphql.data.workerEvents).toMatchObject({ totalCount: 7, nodes: [{ seq: 7 }, { seq: 6 }, { seq: 5 }] })
  expect(graphql.data.reportEvents.totalCount).toBe(events.length)
  expect(graphql.data.reportEvents.nodes[0]).toMatchObject({ state: 'COMPLETED', seq: events.length })
  expectReport(events, recorded[4].chunk_ids)
  demo.stop()
  expect(await demo.exit).toMatchObject({ code: 0 })
})

function expectReport(events: ReportEventItem[], guideChunks: string[]) {
  const data = events.map((event) => event.event_data)
  const states = data.flatMap((event) => (event.type === 'report_state_update' ? [event.status] : []))
  expect(states).toEqual(['planning', 'generating', 'completed'])

  const progress = data.flatMap((event) => (event.type === 'progress' ? [event] : []))
  const groups = [...new Set(progress.map((event) => event.group_id))]
  const operations = groups.map((group) => progress.filter((event) => event.group_id === group))
  expect(operations.map(([first]) => first?.variant)).toEqual([
    'load_template',
    'extract_plan',
    'file_processing',
    'generate_block',
    'summarize',
    'editing',
  ])
  for (const steps of operations) {
    const values = steps.map((step) => step.progress ?? -1)
    expect(values).toEqual(values.toSorted((a, b) => a - b))
    expect(steps.map((step) => step.status === 'completed')).toEqual(values.map((value) => value === 1))
    expect(values.at(-1)).toBe(1)
  }

  const blocks = data.flatMap((event) => (event.type === 'report_block_update' ? [event.block] : []))
  expect(blocks.map((block) => block.idx)).toEqual([0, 1, 0])
  expect(blocks[2]?.template).toContain(blocks[0]?.template)
  const guide = blocks[1]
  expect(guide?.template).toMatch(/^## Harbour guide\n\nBoats of every size moor here. 🚢\n\n- Tides\n- Ropes\n\n/)
  const sources = guide?.sources ?? []
  expect(sources.map(({ node }) => node.id_)).toEqual(guideChunks)
  expect(sources.length).toBeGreaterThan(1)
  for (const [index, { node }] of sources.entries()) {
    expect(node.text).toBe(GUIDE.slice(node.start_char_idx ?? -1, node.end_char_idx ?? -1))
    expect(node.extra_info).toMatchObject({ file_name: 'guide.md' })
    expect(node.relationships?.['3']).toEqual(
      index < sources.length - 1 ? expect.objectContaining({ node_id: guideChunks[index + 1] }) : undefined,
    )
  }
  expect(sources.reduce((sum, { score }) => sum + (score ?? 0), 0)).toBeCloseTo(1)
}

test('a signal in the middle of the pipeline stops it cleanly', async () => {
  const demo = startDemo(await freshDatabase(), await markdownFolder(), '--pace', '600000')
  await demo.printed(/^report +1 +PLANNING/m)
  demo.stop()
  const { code, stderr } = await demo.exit
  expect(code).toBe(0)
  expect(stderr.match(/"level":[456]0/g)).toBeNull()
  expect(stderr).not.toContain('Error')
})

test('a folder without Markdown is rejected before anything starts', async () => {
  const folder = await mkdtemp(join(inject('scratch'), 'empty-'))
  const { exit } = startDemo(await freshDatabase(), folder)
  expect(await exit).toEqual({ code: 1, stderr: expect.stringContaining(`No Markdown files (*.md) in ${folder}`) })
})

test('without the root key, the demo names the setting it needs', async () => {
  const database = await freshDatabase()
  const folder = await markdownFolder()
  const first = startDemo(database, folder, '--pace', '600000')
  await first.printed(/^Open /m)
  first.stop()
  await first.exit
  await rm(join(database.DATA_DIR, 'root-api-key'))
  const second = startDemo(database, folder)
  expect(await second.exit).toMatchObject({ code: 1, stderr: expect.stringContaining('Set ROOT_API_KEY') })
})
