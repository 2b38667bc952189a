import { createHash } from 'node:crypto'
import type { OpenAPIHono } from '@hono/zod-openapi'
import { version } from '../lib/version.ts'
import { type RouteServices, rateLimited } from './admit.ts'
import { matchesEtag } from './etag.ts'
import { LLAMACLOUD_SCHEMAS } from './llamacloud/schema.ts'

type SchemaObject = Parameters<OpenAPIHono['openAPIRegistry']['registerComponent']>[2]

/** Serves the OpenAPI document of the registered routes, built once from their validation schemas on first request. */
export function serveOpenApi(app: OpenAPIHono, services: RouteServices): void {
  const security = (
    name: string,
    scheme: Parameters<typeof app.openAPIRegistry.registerComponent<'securitySchemes'>>[2],
  ) => app.openAPIRegistry.registerComponent('securitySchemes', name, scheme)
  security('ApiKey', {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description: 'The API key, with or without the prefix `Bearer `. If present, x-api-key is ignored.',
  })
  security('XApiKey', {
    type: 'apiKey',
    in: 'header',
    name: 'x-api-key',
    description: 'The API key, used if Authorization is absent.',
  })
  security('HTTPBearer', { type: 'http', scheme: 'bearer' })
  security('Session', {
    type: 'apiKey',
    in: 'cookie',
    name: 'session',
    description: 'The API key, for clients that send no bearer token.',
  })
  for (const [name, schema] of LLAMACLOUD_SCHEMAS)
    app.openAPIRegistry.registerComponent('schemas', name, schema as SchemaObject)
  const describe = () =>
    app.getOpenAPI31Document({
      openapi: '3.1.0',
      info: {
        title: 'Tidemark: legacy REST APIs',
        version,
        description:
          'Events of datasets in the format of Trieve, and events of reports in the format of LlamaCloud. All other ' +
          'operations are at /graphql.',
      },
      servers: [{ url: '/' }],
      tags: [
        { name: 'Dataset', description: 'Events of datasets.' },
        { name: 'Reports', description: 'Events of reports.' },
      ],
    })
  let made: { text: string; etag: string } | undefined
  app.get('/openapi.json', rateLimited(services), (c) => {
    made ??= withEtag(JSON.stringify(describe()))
    c.header('etag', made.etag)
    c.header('cache-control', 'no-cache')
    if (matchesEtag(c.req.header('if-none-match'), made.etag)) return c.body(null, 304)
    return c.body(made.text, 200, { 'content-type': 'application/json' })
  })
}

function withEtag(text: string): { text: string; etag: string } {
  return { text, etag: `"${createHash('sha256').update(text).digest('base64url')}"` }
}
