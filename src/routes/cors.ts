import { cors } from 'hono/cors'
import type { OriginPolicy } from '../lib/origin-policy.ts'
import { REQUEST_ID } from '../lib/request-id.ts'

// Allows any origin, as the upstreams do, unless CORS_ORIGINS is set. The origin is echoed, because browsers reject `*`
// with credentials; hono echoes the headers that a preflight requests and allows its default methods.
function legacyCors(origins: OriginPolicy, credentials: boolean) {
  return cors({
    origin: (origin, c) => (origin !== '' && origins.listsOrOpen(origin, c.req.header('host')) ? origin : null),
    exposeHeaders: ['X-API-Version', 'WWW-Authenticate', 'Retry-After', 'ETag', REQUEST_ID],
    maxAge: 3600,
    credentials,
  })
}

/** With credentials, which Trieve's SDK makes browsers send; no cookie is read here. */
export const trieveCors = (origins: OriginPolicy) => legacyCors(origins, true)

/** Without credentials: this API reads a key from a cookie, which no foreign page may use. */
export const llamacloudCors = (origins: OriginPolicy) => legacyCors(origins, false)
