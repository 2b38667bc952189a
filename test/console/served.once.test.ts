import { readdir, readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import { startServer } from '../support/server.ts'

/** Compressed bytes of the first page that a person opens: the page itself and a dataset, with all that they load. */
const MOST_BYTES = 60 * 1024

function get(url: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { headers, redirect: 'manual' })
}

test('The page is served with a strict policy, and its files for ever', async ({ server }) => {
  for (const path of ['/', '/datasets/x', '/reports/x', '/operate/keys']) {
    const page = await get(server.url + path)
    expect(page.status).toBe(200)
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(page.headers.get('cache-control')).toBe('no-cache')
    const policy = page.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
    expect(policy).toContain("require-trusted-types-for 'script'")
    expect(policy).not.toContain('unsafe')
  }
  const html = await (await get(server.url)).text()
  expect(html).not.toMatch(/https?:\/\//)
  const script = /src="(\/assets\/[^"]+\.js)"/.exec(html)?.[1] ?? ''
  const file = await get(server.url + script, { 'accept-encoding': 'br' })
  expect(file.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
  expect(file.headers.get('content-encoding')).toBe('br')
  expect(file.headers.get('content-type')).toContain('javascript')
})

test('What is not a file of the page is not found', async ({ server }) => {
  for (const path of ['/assets/none.js', '/assets/', '/assets/..%2f..%2fmain.js', '/datasets', '/main.js']) {
    const { status, headers } = await get(server.url + path)
    expect({ path, status }).toEqual({ path, status: 404 })
    expect(headers.get('cache-control')).toBeNull()
  }
})

test('CONSOLE=off serves no page', async () => {
  await using off = await startServer({ CONSOLE: 'off', GRAPHIQL: 'off' })
  for (const path of ['/', '/datasets/x']) expect((await get(off.url + path)).status).toBe(404)
})

test('A production server has the page, too', async () => {
  await using server = await startServer({ NODE_ENV: 'production' })
  expect((await get(server.url)).status).toBe(200)
})

test('The first load has at most 60 KiB compressed', async () => {
  const files = new Map<string, string>()
  for (const name of await readdir('dist/console/assets')) {
    if (/\.(js|css)$/.test(name)) files.set(name, await readFile(`dist/console/assets/${name}`, 'utf8'))
  }
  const wanted = new Set<string>()
  const add = (text: string) => {
    for (const [, name = ''] of text.matchAll(/(?:from|import|src=|href=)\s*"(?:\.\/|\/assets\/)([\w.-]+)"/g)) {
      if (wanted.has(name)) continue
      wanted.add(name)
      add(files.get(name) ?? '')
    }
  }
  const html = await readFile('dist/console/index.html', 'utf8')
  add(html)
  for (const name of files.keys()) if (name.startsWith('dataset-view')) add(`import "./${name}"`)
  expect([...wanted].some((name) => name.endsWith('.css'))).toBe(true)
  const sizes = [...wanted].map((name) => gzipSync(files.get(name) ?? '', { level: 9 }).length)
  const total = sizes.reduce((sum, size) => sum + size, gzipSync(html).length)
  expect(wanted.size).toBeGreaterThan(4)
  expect(total).toBeLessThanOrEqual(MOST_BYTES)
})
