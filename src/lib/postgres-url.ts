const FORM = 'a URL of the form postgresql://user:password@host:5432/database'

// The driver cannot fall back to an unencrypted connection, as "prefer" and "allow" say.
const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full', 'no-verify']

/** Node.js parses no URL with a user and without a host, which a parameter names for a Unix socket. */
const USER_WITHOUT_HOST = /^(\w+:\/\/[^/?#]*@)(?=[:/?#]|$)/

/** Reads DATABASE_URL. @returns the URL in a form that Node.js parses, or what it must be instead. */
export function readPostgresUrl(text: string): { url: string } | { problem: string } {
  const address = text.replace(USER_WITHOUT_HOST, '$1localhost')
  if (!/^postgres(ql)?:\/\//.test(address) || !URL.canParse(address)) return { problem: FORM }
  const url = new URL(address)
  if (!isEncoded(url.href)) return { problem: `${FORM}, in which "%" is written as %25` }
  if (url.pathname.length <= 1) return { problem: `${FORM}, with the name of the database` }
  const mode = url.searchParams.get('sslmode')
  if (mode !== null && !SSL_MODES.includes(mode)) return { problem: `a URL with sslmode ${SSL_MODES.join(', ')}` }
  return { url: url.href }
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
