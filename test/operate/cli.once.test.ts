import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { readConfig, SETTINGS } from '../../src/config.ts'
import { freshDatabase } from '../support/database.ts'
import { command, tidemark } from '../support/process.ts'

describe('tidemark', () => {
  test('prints help with --help and exits 0', async () => {
    const { exited, output } = tidemark(['--help'])
    expect(await exited).toBe(0)
    for (const word of ['serve', 'migrate', 'doctor', 'demo', '--version']) expect(output.stdout).toContain(word)
  })

  const follow = ['import', 'llamacloud', '--url', 'https://x.example', '--report', randomUUID(), '--follow']
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

  const trieve = ['import', 'trieve', '--url', 'https://x.example', '--dataset']
  test.each([
    [['no-such-command']],
    [['keys']],
    [['keys', 'no-such-command']],
    [['serve', 'no-argument']],
    [['serve', '--no-such-option']],
    [['demo', '--pace', 'slow']],
    [[]],
    [[...follow, '--interval', '0']],
    [[...follow, '--url', 'ftp://x.example']],
    // A tracking id, of which the upstream knows the dataset.
    [[...trieve, 'docs']],
    [['tail', '--dataset', 'docs']],
    [['tail', '--dataset', randomUUID(), '--last', 'all']],
    [['record', '--report', 'docs']],
  ])('exits 2 for invalid arguments: %j', async (args) => {
    const { exited, output } = tidemark(args)
    expect(await exited).toBe(2)
    expect(output.stderr).not.toBe('')
  })

  test('names every invalid setting in one message and exits 1', async () => {
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

  test('ignores what Kubernetes sets for a service of its name, and reports misspelled settings', async () => {
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

  test.skipIf(process.platform !== 'linux')(
    'reports output that cannot be written, and ends as usual if nobody reads it',
    async () => {
      const env = { PATH: process.env.PATH, ...(await freshDatabase()) }
      const run = async (args: string, output: string) => {
        const line = `"${process.execPath}" dist/main.js ${args} 2>&1 >${output}; echo "status $?"`
        return (await promisify(execFile)('bash', ['-c', line], { env })).stdout
      }
      const list = `keys list --organization ${randomUUID()}`
      expect(await run(list, '/dev/full')).toMatch(/^Writing to standard output failed: ENOSPC.*\n(?:.*\n)?status 1\n$/)
      // Its reader has left before it starts.
      expect(await run('--help', ' >(:)')).toBe('status 0\n')
    },
  )

  test.each([
    'fifteen-letters',
    'sixteen letters,',
    'sechzehn-zeichen-für',
    'changemechangemechangeme',
    'a'.repeat(64),
  ])('rejects %j as root key', (key) => {
    expect(() => readConfig({ ROOT_API_KEY: key })).toThrow(/^Invalid settings:\n {2}ROOT_API_KEY must be at least 16 /)
    expect(readConfig({ ROOT_API_KEY: 'sixteen-letters,' }).rootApiKey).toBe('sixteen-letters,')
  })

  test('reports that the port is in use, and exits 1', async () => {
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
    ['a host that does not exist', { HOST: 'nohost.invalid' }, /^HOST /],
    ['an address of another machine', { HOST: '192.0.2.1' }, /^HOST is not an address of this machine/],
    [
      'a database that does not answer',
      { DATABASE_URL: 'postgresql://x@127.0.0.1:1/x' },
      /^DATABASE_URL: connection refused/,
    ],
    [
      'a host of a database that is not there',
      { DATABASE_URL: 'postgresql://x@nohost.invalid/x' },
      /^DATABASE_URL: host/,
    ],
    [
      'a certificate that does not exist',
      { DATABASE_URL: 'postgresql://u:SECRETPW@127.0.0.1:1/x?sslrootcert=/nowhere' },
      /^DATABASE_URL: .*ENOENT/,
    ],
    ['a data folder that is a file', { DATA_DIR: 'package.json', DATABASE_URL: undefined }, /^DATA_DIR cannot be used/],
    // Closed to other users, and no file can be made there.
    ['a data folder that cannot be written', { DATA_DIR: '/proc/self/fd' }, /^DATA_DIR cannot be used: ENOENT/],
  ])('reports %s in one line', async (_, env, message) => {
    const { exited, output } = tidemark(['serve'], { PORT: '0', ...(await freshDatabase()), ...env })
    expect(await exited).toBe(1)
    expect(output.stderr).toMatch(message)
    expect(output.stderr.trim().split('\n')).toHaveLength(1)
    expect(output.stderr).not.toContain('SECRETPW')
  })

  test.each([
    ['postgresql://u:SECRETPW%E4@db/x', 'in which "%" is written as %25'],
    ['postgresql://u:50%SECRETPW@db/x', 'in which "%" is written as %25'],
    ['postgresql://u:SECRETPW@db', 'with the name of the database'],
    ['postgresql://u:SECRETPW@db:5432/?host=/run', 'with the name of the database'],
    ['postgresql://u:SECRETPW@db/x?sslmode=prefer', 'sslmode disable, require,'],
  ])('takes %j for no address of a database', (DATABASE_URL, expected) => {
    const read = () => readConfig({ DATABASE_URL })
    expect(read).toThrow(/^Invalid settings:\n {2}DATABASE_URL must be a URL .*$/)
    expect(read).toThrow(expected)
    expect(read).not.toThrow('SECRETPW')
  })

  test.each([
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', 'http/json'],
    ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'http/protobuf', 'http/json'],
    ['OTEL_PROPAGATORS', 'tracecontext,b3', 'baggage, tracecontext'],
    ['OTEL_TRACES_EXPORTER', 'console', 'otlp'],
    ['OTEL_TRACES_SAMPLER', 'ratio', 'parentbased_traceidratio'],
    ['OTEL_TRACES_SAMPLER', 'always_on,always_off', 'always_off'],
    ['OTEL_TRACES_SAMPLER_ARG', '10%', '0.1'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5', '1'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'api-key SECRET', 'api-key=a=b, x-team=%2C%20b,'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'api-key=SECRET%', 'api-key=a%25'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'api-key=SECRET;a=b', 'api-key=a%3Bb'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'api-key=', 'api-key=a'],
    ['OTEL_EXPORTER_OTLP_TRACES_HEADERS', 'api key=SECRET', 'api-key=a b'],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', '10s', '10000'],
    ['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT', '0', '1'],
    ['OTEL_EXPORTER_OTLP_COMPRESSION', 'zstd', 'gzip'],
    ['OTEL_EXPORTER_OTLP_CERTIFICATE', 'no-such-file.pem', 'package.json'],
    ['OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY', 'src', 'package.json'],
    ['OTEL_BSP_MAX_QUEUE_SIZE', '2k', '2048'],
    ['OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT', '-1', '128'],
    ['OTEL_RESOURCE_ATTRIBUTES', 'team=a=b', 'team=a%3Db,,other='],
    ['OTEL_RESOURCE_ATTRIBUTES', 'team', 'team=a'],
    ['OTEL_SDK_DISABLED', 'yes', 'False'],
  ])('refuses %s=%s while traces are sent, and ignores it otherwise', (name, foreign, known) => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }
    const read = () => readConfig({ ...env, [name]: foreign })
    expect(read).toThrow(new RegExp(`^Invalid settings:\n {2}${name} must be .*$`))
    expect(read).not.toThrow('SECRET')
    expect(readConfig({ [name]: foreign }).tracing).toBe(false)
    expect(readConfig({ ...env, [name]: foreign, OTEL_SDK_DISABLED: 'true' }).tracing).toBe(false)
    expect(readConfig({ ...env, [name]: known }).tracing).toEqual({ joined: true })
  })

  test('sends no traces with OTEL_TRACES_EXPORTER=none', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', OTEL_TRACES_EXPORTER: 'none' }
    expect(readConfig(env).tracing).toBe(false)
  })

  test('joins no trace of a caller with OTEL_PROPAGATORS=none', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', OTEL_PROPAGATORS: 'none' }
    expect(readConfig(env).tracing).toEqual({ joined: false })
  })

  test('prints neither passwords of URLs nor control characters, even for unexpected errors', async () => {
    // Only a folder of that name can be created there.
    const { exited, output } = tidemark(['serve'], { DATA_DIR: 'package.json/x://u:SECRETPW@host/\x1b[2J' })
    expect(await exited).toBe(1)
    expect(output.stderr).toMatch(/^DATA_DIR cannot be used: .*x:\/\/…@host\/\\u\{1b\}\[2J/)
  })
})
