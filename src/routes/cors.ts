import { cors } from 'hono/cors'
import { allows, type Origins } from '../lib/origins.ts'
import { REQUEST_ID } from '../lib/request-id.ts'

/**
 * Lets browsers call the legacy APIs from anywhere, as the originals do, unless CORS_ORIGINS names the pages that may. The origin is
 * echoed, because a browser that sends credentials takes no `*`. Methods and headers are any: hono echoes those a preflight asks for.
 */
function legacyCors(origins: Origins, credentials: boolean) {
  return cors({
    origin: (origin) => (origin !== '' && (origins.length === 0 || allows(origins, origin)) ? origin : null),
    exposeHeaders: ['X-API-Version', 'WWW-Authenticate', 'Retry-After', REQUEST_ID],
    maxAge: 3600,
    credentials,
  })
}

/** With credentials, which Trieve's SDK makes a browser send: no cookie is read there. */
export const trieveCors = (origins: Origins) => legacyCors(origins, true)

/** Without credentials: this API takes a key from a cookie, which no foreign page may use. */
export const llamacloudCors = (origins: Origins) => legacyCors(origins, false)
