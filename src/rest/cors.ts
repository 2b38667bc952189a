import { cors } from 'hono/cors'

/**
 * Lets browsers call from anywhere, as the originals do. The origin is echoed, because a browser that sends credentials, which
 * Trieve's SDK makes it do, takes no `*`. Methods and headers are any: hono echoes the headers that a preflight asks for.
 */
export const anyOrigin = cors({
  origin: (origin) => origin || null,
  credentials: true,
  exposeHeaders: ['X-API-Version', 'WWW-Authenticate'],
  maxAge: 3600,
})
