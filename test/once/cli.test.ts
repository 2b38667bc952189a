import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { readConfig, SETTINGS } from '../../src/config.ts'
import { freshDatabase } from '../support/database.ts'
import { command, tidemark } from '../support/process.ts'

describe('tidemark', () => {
  test('explains itself with --help and exits 0', async () => {
    const { exited, output } = tidemark(['--help'])
    expect(await exited).toBe(0)
    for (const word of ['serve', 'migrate', 'doctor', 'demo', '--version']) expect(output.stdout).toContain(word)
  })

  test('lists all settings in the help of serve, and names the one that an unknown option stands for', async () => {
    const help = await command(['serve', '--help'])
    expect(help.code).toBe(0)
    const listed = [...help.stdout.matchAll(/^ {2}([A-Z][A-Z_]+) +(.*)$/gm)]
    expect(listed.map(([, name]) => name).sort()).toEqual([...SETTINGS].sort())
    for (const [, , meaning] of listed) expect(meaning).toMatch(/^\S/)
    expect(help.stdout).toMatch(/^ {2}PORT +.*\(default: 4000\)$/m)
    const { code, stderr } = await command(['serve', '--port', '5000'])
    expect(code).toBe(2)
    expect(stderr).toMatch(/^error: unknown option '--port'\n(.*\n)?Set PORT in the environment instead: PORT=…\n$/)
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
      MAX_DEPTH: '0',
      MAX_BODY_BYTES: '25MB',
      REQUESTS_PER_MINUTE: '-1',
      TIDEMARK_PORT: '1',
    })
    expect(await exited).toBe(1)
    for (const name of [
      'PORT',
      'DATABASE_URL',
      'ROOT_API_KEY',
      'LOG_LEVEL',
      'MAX_DEPTH',
      'MAX_BODY_BYTES',
      'REQUESTS_PER_MINUTE',
      'TIDEMARK_PORT',
    ])
      expect(output.stderr).toContain(`  ${name} `)
    expect(output.stderr).not.toContain('    at ')
    expect(output.stderr).not.toContain('with blank')
  })

  test('ignores the variables that Kubernetes sets for a service of its name, and reports what is misspelled', async () => {
    const { exited, output } = tidemark(['serve'], {
      TIDEMARK_SERVICE_HOST: '10.0.0.1',
      TIDEMARK_SERVICE_PORT_HTTP: '4000',
      TIDEMARK_PORT: 'tcp://10.0.0.1:4000',
      TIDEMARK_PORT_4000_TCP_ADDR: '10.0.0.1',
      DATABSE_URL: 'postgresql://db/tidemark',
      // Ends the process.
      PORT: 'none',
    })
    expect(await exited).toBe(1)
    expect(output.stderr).toMatch(
      /^DATABSE_URL is not a setting. Did you mean DATABASE_URL\?\nInvalid settings:\n {2}PORT /,
    )
    expect(output.stderr).not.toContain('TIDEMARK')
  })

  test.each([
    'fifteen-letters',
    'sixteen letters,',
    'sechzehn-zeichen-für',
    'changemechangemechangeme',
    'a'.repeat(64),
  ])('takes %j for no root key', (key) => {
    expect(() => readConfig({ ROOT_API_KEY: key })).toThrow(/^Invalid settings:\n {2}ROOT_API_KEY must be at least 16 /)
    expect(readConfig({ ROOT_API_KEY: 'sixteen-letters,' }).rootApiKey).toBe('sixteen-letters,')
  })

  test('says so when the port is taken, and exits 1', async () => {
    const blocker = createServer().listen(0, '127.0.0.1')
    await once(blocker, 'listening')
    try {
      const { port } = blocker.address() as AddressInfo
      const { exited, output } = tidemark(['serve'], { ...(await freshDatabase()), PORT: String(port) })
      expect(await exited).toBe(1)
      expect(output.stderr).toMatch(/^PORT is already in use/)
    } finally {
      blocker.close()
    }
  })

  test.each([
    ['a host that is not there', { HOST: 'nohost.invalid' }, /^HOST /],
    ['an address of another machine', { HOST: '192.0.2.1' }, /^HOST is not an address of this machine/],
    [
      'a database that does not answer',
      { DATABASE_URL: 'postgresql://x@127.0.0.1:1/x' },
      /^DATABASE_URL: connection refused/,
    ],
    [
      'a certificate that is not there',
      { DATABASE_URL: 'postgresql://u:SECRETPW@127.0.0.1:1/x?sslrootcert=/nowhere' },
      /^DATABASE_URL: .*ENOENT/,
    ],
    ['a data folder that is a file', { DATA_DIR: 'package.json', DATABASE_URL: undefined }, /^DATA_DIR cannot be used/],
  ])('says in one line what is wrong with %s', async (_, env, message) => {
    const { exited, output } = tidemark(['serve'], { PORT: '0', ...(await freshDatabase()), ...env })
    expect(await exited).toBe(1)
    expect(output.stderr).toMatch(message)
    expect(output.stderr.trim().split('\n')).toHaveLength(1)
    expect(output.stderr).not.toContain('SECRETPW')
  })

  test('quotes no password of an address, and shows a terminal no control characters, even of the unexpected', async () => {
    // Only a folder of that name can be created there.
    const { exited, output } = tidemark(['serve'], { DATA_DIR: 'package.json/x://u:SECRETPW@host/\x1b[2J' })
    expect(await exited).toBe(1)
    expect(output.stderr).toMatch(/^DATA_DIR cannot be used: .*x:\/\/…@host\/\\u\{1b\}\[2J/)
  })
})
