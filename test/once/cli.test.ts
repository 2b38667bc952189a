import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { tidemark } from '../support/process.ts'

describe('tidemark', () => {
  test('explains itself with --help and exits 0', async () => {
    const { exited, output } = tidemark(['--help'])
    expect(await exited).toBe(0)
    for (const word of ['serve', 'migrate', 'demo', '--version']) expect(output.stdout).toContain(word)
  })

  test.each([[['no-such-command']], [['serve', '--no-such-option']], [[]]])(
    'exits 2 when it is called wrongly: %j',
    async (args) => {
      const { exited, output } = tidemark(args)
      expect(await exited).toBe(2)
      expect(output.stderr).not.toBe('')
    },
  )

  test('names every bad setting in one message and exits 1', async () => {
    const { exited, output } = tidemark(['serve'], {
      PORT: '99999',
      DATABASE_URL: 'mysql://x',
      ROOT_API_KEY: 'with blank',
      LOG_LEVEL: 'loud',
      TIDEMARK_PORT: '1',
    })
    expect(await exited).toBe(1)
    for (const name of ['PORT', 'DATABASE_URL', 'ROOT_API_KEY', 'LOG_LEVEL', 'TIDEMARK_PORT'])
      expect(output.stderr).toContain(`  ${name} `)
    expect(output.stderr).not.toContain('    at ')
    expect(output.stderr).not.toContain('with blank')
  })

  test('says so when the port is taken, and exits 1', async () => {
    const blocker = createServer().listen(0, '127.0.0.1')
    await once(blocker, 'listening')
    try {
      const { port } = blocker.address() as AddressInfo
      const { exited, output } = tidemark(['serve'], { ...(await freshDatabase()), PORT: String(port) })
      expect(await exited).toBe(1)
      expect(output.stderr).toMatch(/^The port is taken/)
    } finally {
      blocker.close()
    }
  })
})
