import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readConfig, SETTINGS } from '../../src/config.ts'
import { redisInstalled, redisServer } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/server.ts'

// Nothing is built here: these tests compare the deployment files with what they refer to.

const read = (file: string) => readFileSync(file, 'utf8')
const lines = (text: string) =>
  text
    .replace(/ \\\n +/g, ' ')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
const packageJson = JSON.parse(read('package.json'))

const dockerfile = lines(read('Dockerfile')).map((line) => {
  const [, word, rest] = /^([A-Z]+) (.*)$/.exec(line) ?? []
  return { word, rest: rest ?? '' }
})
/** The values after a keyword, each time it occurs. */
const instructions = (word: string) => dockerfile.filter((line) => line.word === word).map(({ rest }) => rest)

const environment = Object.fromEntries(
  instructions('ENV').flatMap((rest) => rest.split(' ').map((pair) => pair.split('='))),
)
const config = readConfig(environment)

interface Service {
  cap_drop?: string[]
  security_opt?: string[]
  read_only?: boolean
  healthcheck?: { test: string[] }
  networks?: string[]
  image?: string
  build?: string
  command?: string[]
  environment?: Record<string, string>
  volumes?: string[]
}
// Values that the environment must provide, such as a password, are placeholders here.
const compose = read('.deploy/compose.yaml').replace(/\$\{\w+:\?\}/g, 'given-by-the-environment')
const { services, networks } = parse(compose, { merge: true }) as {
  services: Record<string, Service>
  networks: Record<string, { internal?: boolean } | null>
}
const own = Object.entries(services).filter(([, { build }]) => build)
const proxy = lines(read('.deploy/haproxy.cfg')).map((line) => line.trim().split(/\s+/))

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server[Symbol.asyncDispose]())

describe('The Dockerfile', () => {
  test('uses a Node.js version that the package supports', () => {
    const images = instructions('FROM').map((rest) => rest.split(' ')[0] as string)
    const [, major] = /^node:(\d+)-/.exec(images[0] as string) ?? []
    const [, oldest] = /^>=(\d+\.\d+)$/.exec(packageJson.engines.node) ?? []
    expect(Number(major)).toBeGreaterThan(Number(oldest))
    // Its stages are based on the same image, directly or not.
    expect(new Set(images)).toEqual(new Set([images[0], 'base']))
  })

  test('copies existing files that .dockerignore includes', () => {
    const copied = instructions('COPY')
      .filter((rest) => !rest.startsWith('--from'))
      .flatMap((rest) => rest.split(' ').slice(0, -1))
    const [everything, ...allowed] = lines(read('.dockerignore'))
    expect(everything).toBe('*')
    for (const source of copied) {
      expect(existsSync(source)).toBe(true)
      expect(allowed).toContain(`!${source.split('/')[0]}`)
    }
  })

  test('sets existing settings, exposes the port, and starts the command', () => {
    expect(SETTINGS).toEqual(expect.arrayContaining(Object.keys(environment)))
    expect(config).toMatchObject({ host: '0.0.0.0', graphiql: false })
    expect(instructions('EXPOSE')).toEqual([String(config.port)])
    expect(instructions('VOLUME')).toEqual([config.dataDir])
    expect(instructions('USER')).toEqual(['node'])
    // Not through a shell, which would not pass on SIGTERM.
    expect(JSON.parse(instructions('ENTRYPOINT')[0] as string)).toEqual(['node', packageJson.bin.tidemark])
    expect(JSON.parse(instructions('CMD')[0] as string)).toEqual(['serve'])
  })

  test('checks health by a request that only a running server answers', async () => {
    const command = JSON.parse(/CMD (\[.*\])$/.exec(instructions('HEALTHCHECK')[0] as string)?.[1] ?? '') as string[]
    const check = async (port: string) => {
      const child = spawn(command[0] as string, command.slice(1), { env: { PATH: process.env.PATH, PORT: port } })
      return (await once(child, 'exit'))[0]
    }
    expect(await Promise.all([check(new URL(server.url).port), check('1')])).toEqual([0, 1])
  })
})

describe('The compose file', () => {
  test('runs two servers and a migration with existing settings', () => {
    expect(own.map(([name]) => name)).toEqual(['migrate', 'tidemark-1', 'tidemark-2'])
    for (const [, { build, environment = {} }] of own) {
      expect(build).toBe('..')
      expect(SETTINGS).toEqual(expect.arrayContaining(Object.keys(environment)))
      const { databaseUrl, redisUrl } = readConfig(environment)
      expect(services).toHaveProperty(new URL(databaseUrl as string).hostname)
      expect(services).toHaveProperty(new URL(redisUrl as string).hostname)
    }
    expect(services.migrate?.command).toEqual(['migrate'])
  })

  test('drops all capabilities of each container, and only servers can reach the database and Redis', () => {
    for (const service of Object.values(services)) {
      expect(service).toMatchObject({ cap_drop: ['ALL'], read_only: true })
      expect(service.security_opt).toContain('no-new-privileges:true')
    }
    expect(networks.inside?.internal).toBe(true)
    for (const name of ['postgres', 'redis', 'migrate']) expect(services[name]?.networks).toEqual(['inside'])
    expect(services.proxy?.networks).toEqual(['front'])
    for (const name of ['tidemark-1', 'tidemark-2']) expect(services[name]?.networks).toEqual(['inside', 'front'])
  })

  test.runIf(redisInstalled)(
    'has a Redis that accepts the password of the servers, and rejects a client without it',
    async () => {
      const [, ...options] = services.redis?.command ?? []
      await using redis = await redisServer(options)
      await redis.start()
      const address = new URL(readConfig(services['tidemark-1']?.environment ?? {}).redisUrl as string)
      const { host, port } = new URL(redis.url)
      address.host = host
      const [, command = '', ...args] = services.redis?.healthcheck?.test ?? []
      const ping = ([command = '', ...args]: string[], env: object = {}) =>
        spawnSync(command, args, { env: { PATH: process.env.PATH, ...env } }).status
      expect(ping(['redis-cli', '-u', address.href, '-e', 'ping'])).toBe(0)
      // Like its health check, but on another port.
      expect(ping([command, '-p', port, ...args], services.redis?.environment)).toBe(0)
      expect(ping([command, '-p', port, ...args])).not.toBe(0)
    },
  )

  test('pins its images by version', () => {
    for (const { image, build } of Object.values(services)) if (!build) expect(image).toMatch(/^[a-z]+:\d/)
  })

  test('has a proxy that lists each server and checks its readiness', async () => {
    expect(services.proxy?.volumes?.[0]).toMatch(/^\.\/haproxy\.cfg:/)
    const nodes = own.map(([name]) => name).filter((name) => name !== 'migrate')
    const upstreams = proxy.filter(([word]) => word === 'server').map(([, , address]) => address)
    expect(upstreams).toEqual(nodes.map((name) => `${name}:${config.port}`))
    const check = proxy.find(([word]) => word === 'http-check') as string[]
    const ready = await fetch(`${server.url}${check[check.indexOf('uri') + 1]}`)
    expect(await ready.json()).toMatchObject({ status: 'ready' })
  })

  test('has proxy timeouts above the heartbeat interval', () => {
    for (const side of ['client', 'server', 'tunnel']) expect(proxy).toContainEqual(['timeout', side, '1m'])
  })
})
