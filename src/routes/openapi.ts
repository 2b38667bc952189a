import type { OpenAPIHono } from '@hono/zod-openapi'
import { etag } from 'hono/etag'
import { version } from '../lib/version.ts'
import { type RouteServices, rateLimited } from './admit.ts'
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
  let text: string | undefined
  app.get('/openapi.json', rateLimited(services), etag(), (c) => {
    text ??= JSON.stringify(describe())
    return c.body(text, 200, { 'content-type': 'application/json', 'cache-control': 'no-cache' })
  })
}
