import { cors } from 'hono/cors'
import { REQUEST_ID } from '../request-id.ts'

const anyone = {
  origin: (origin: string) => origin || null,
  exposeHeaders: ['X-API-Version', 'WWW-Authenticate', 'Retry-After', REQUEST_ID],
  maxAge: 3600,
}

/**
 * Lets browsers call the Trieve API from anywhere, as the original does. The origin is echoed, because a browser that sends
 * credentials, which Trieve's SDK makes it do, takes no `*`. Methods and headers are any: hono echoes those a preflight asks for.
 */
export const trieveCors = cors({ ...anyone, credentials: true })

/** The same without credentials: this API takes a key from a cookie, which no foreign page may use. */
export const llamacloudCors = cors(anyone)
