import { createHash } from 'node:crypto'
import type { OpenAPIHono } from '@hono/zod-openapi'
import { version } from '../lib/version.ts'
import { counted, type Gate } from './admit.ts'
import { LLAMACLOUD_SCHEMAS } from './llamacloud/schema.ts'

type SchemaObject = Parameters<OpenAPIHono['openAPIRegistry']['registerComponent']>[2]

/** Serves the OpenAPI document of the registered routes, built once from their validation schemas on first request. */
export function serveOpenApi(app: OpenAPIHono, gate: Gate): void {
  const security = (
    name: string,
    scheme: Parameters<typeof app.openAPIRegistry.registerComponent<'securitySchemes'>>[2],
  ) => app.openAPIRegistry.registerComponent('securitySchemes', name, scheme)
  security('ApiKey', {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description: 'The key itself, or `Bearer ` and the key. When it is there, x-api-key is not looked at.',
  })
  security('XApiKey', { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'Likewise.' })
  security('HTTPBearer', { type: 'http', scheme: 'bearer' })
  security('Session', {
    type: 'apiKey',
    in: 'cookie',
    name: 'session',
    description: 'The key, for callers that send no bearer.',
  })
  for (const [name, schema] of LLAMACLOUD_SCHEMAS)
    app.openAPIRegistry.registerComponent('schemas', name, schema as SchemaObject)
  const describe = () =>
    app.getOpenAPI31Document({
      openapi: '3.1.0',
      info: {
        title: 'Tidemark: the legacy REST APIs',
        version,
        description:
          'The events of datasets as Trieve serves them, and the events of reports as LlamaCloud does. Everything else, and live events, is at /graphql.',
      },
      servers: [{ url: '/' }],
      tags: [
        { name: 'Dataset', description: 'What workers did to a dataset.' },
        { name: 'Reports', description: 'What happened to a report.' },
      ],
    })
  let made: { text: string; etag: string } | undefined
  app.get('/openapi.json', counted(gate), (c) => {
    made ??= withEtag(JSON.stringify(describe()))
    c.header('etag', made.etag)
    c.header('cache-control', 'no-cache')
    if (c.req.header('if-none-match') === made.etag) return c.body(null, 304)
    return c.body(made.text, 200, { 'content-type': 'application/json' })
  })
}

function withEtag(text: string): { text: string; etag: string } {
  return { text, etag: `"${createHash('sha256').update(text).digest('base64url')}"` }
}
