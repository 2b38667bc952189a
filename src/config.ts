import { distance } from 'fastest-levenshtein'
import { z } from 'zod'
import { createAddressOf } from './lib/client-address.ts'
import { LIMIT_SETTINGS, type Limits, limitsOf } from './lib/limits.ts'
import { isOrigin, type Origins } from './lib/origins.ts'
import { readPostgresUrl } from './lib/postgres-url.ts'
import { TRACE_SETTINGS, type TraceConfig, traceProblems, tracingOf } from './lib/trace-settings.ts'

/** Invalid settings; the message lists every problem, one per line. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

const PORT_RANGE = 'a port number between 0 and 65535 (0 picks a free one)'

const port = z
  .string()
  .regex(/^\d{1,5}$/, PORT_RANGE)
  .transform(Number)
  .refine((value) => value <= 65_535, PORT_RANGE)

const postgresUrl = z.string().transform((text, context) => {
  const read = readPostgresUrl(text)
  if ('url' in read) return read.url
  context.addIssue({ code: 'custom', message: read.problem })
  return z.NEVER
})

const REDIS_URL = 'a URL of the form redis://user:password@host:6379, or rediss:// for TLS'

// 10 distinct characters reject "changemechangeme" and the like, and hardly any random key.
const ROOT_KEY =
  'at least 16 printable ASCII characters without spaces, 10 of them different; "openssl rand -hex 24" generates one'

const ORIGINS = 'browser origins such as https://app.example, separated by commas, or *'

const PROXIES =
  'addresses, networks such as 10.0.0.0/8, or the names loopback, linklocal and uniquelocal, separated by commas'

const wholeSeconds = z
  .string()
  .regex(/^[1-9]\d{0,4}$/, 'a whole number of seconds, 1 to 99999')
  .transform(Number)

const key = z
  .string()
  .regex(/^[\x21-\x7e]+$/, 'printable ASCII characters without spaces')
  .optional()

const onOrOff = z
  .enum(['on', 'off'])
  .transform((value) => value === 'on')
  .optional()

const SERVER = {
  PORT: port.default(4000).describe('TCP port; 0 picks a free one'),
  HOST: z.string().min(1, 'a host name or address').default('127.0.0.1').describe('address to listen on'),
  // Above the idle timeouts of load balancers, usually a minute: they would send requests on connections that close.
  KEEP_ALIVE_SECONDS: wholeSeconds.default(75).describe('seconds for which an idle connection stays open'),
  SLOW_CONSUMER_SECONDS: wholeSeconds.default(30).describe('seconds for which a client can leave events unread'),
}

const DATA = {
  DATA_DIR: z
    .string()
    .min(1, 'the path of a directory')
    .default('.tidemark')
    .describe('directory of the embedded database and the first root key'),
  DATABASE_URL: postgresUrl.optional().describe('PostgreSQL, instead of the embedded database'),
  DATABASE_TIMEOUT_SECONDS: wholeSeconds.default(15).describe('seconds for which a request waits for PostgreSQL'),
  REDIS_URL: z
    .string()
    .refine((value) => URL.canParse(value) && /^rediss?:\/\/[^/]/.test(value), REDIS_URL)
    .optional()
    .describe('Redis, for several servers'),
}

const ACCESS = {
  ROOT_API_KEY: z
    .string()
    .refine((value) => /^[\x21-\x7e]{16,}$/.test(value) && new Set(value).size >= 10, ROOT_KEY)
    .optional()
    .describe('the root key; if unset, the first start generates one'),
  CORS_ORIGINS: z
    .string()
    .transform((list) => list.split(',').map((origin) => origin.trim()))
    .refine((origins) => origins.every(isOrigin), ORIGINS)
    .default([])
    .describe('origins of web pages that can use the server'),
  TRUSTED_PROXIES: z
    .string()
    .transform((list) => list.split(',').map((proxy) => proxy.trim()))
    .refine(areProxies, PROXIES)
    .default([])
    .describe('proxies whose X-Forwarded-For is trusted'),
  INTROSPECTION: onOrOff.describe('on or off: whether clients can query the schema'),
  GRAPHIQL: onOrOff.describe('on or off: whether browsers get GraphiQL'),
  CONSOLE: onOrOff.describe('on or off: whether browsers get the console'),
  PERSISTED_OPERATIONS: z
    .string()
    .min(1, 'the path of a file')
    .optional()
    .describe('file of the operations that are allowed; absent: all'),
  NODE_ENV: z.string().optional().describe('production turns introspection and GraphiQL off'),
}

const IMPORTS = {
  TRIEVE_API_KEY: key.describe('API key of Trieve'),
  LLAMA_CLOUD_API_KEY: key.describe('API key of LlamaCloud'),
}

const SERVER_URL = 'an HTTP or HTTPS URL without a user name or password, such as https://tidemark.example.com'

const CLIENT = {
  TIDEMARK_URL: z
    .string()
    .refine(isServerUrl, SERVER_URL)
    .default('http://127.0.0.1:4000')
    .describe('server that "tidemark tail" and "tidemark record" use'),
  TIDEMARK_API_KEY: key.describe('API key of that server'),
}

const LOGS = {
  LOG_LEVEL: z
    .enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'])
    .default('info')
    .describe('silent, fatal, error, warn, info, debug or trace'),
  ...TRACE_SETTINGS,
}

export const SETTING_GROUPS = {
  Server: SERVER,
  Data: DATA,
  Access: ACCESS,
  Limits: LIMIT_SETTINGS,
  Imports: IMPORTS,
  'Commands that use a server': CLIENT,
  'Logs and traces': LOGS,
}

const Environment = z.object({ ...SERVER, ...DATA, ...ACCESS, ...LIMIT_SETTINGS, ...IMPORTS, ...CLIENT, ...LOGS })

export const SETTINGS: readonly string[] = Object.keys(Environment.shape)

export type Config = Readonly<{
  port: number
  host: string
  dataDir: string
  databaseUrl?: string
  /** Longest statement on PostgreSQL, and longest wait for the turn to run one. */
  databaseTimeoutSeconds: number
  /** Absent: servers of one PostgreSQL database wake each other by LISTEN and NOTIFY. */
  redisUrl?: string
  /** Absent: a root key is generated at the first start. */
  rootApiKey?: string
  trieveApiKey?: string
  llamaCloudApiKey?: string
  /** The server that commands use as its clients, and their key. */
  remote: Readonly<{ url: string; key?: string }>
  slowConsumerSeconds: number
  keepAliveSeconds: number
  /** Origins of web pages that may use `/graphql`, besides the server's own. */
  corsOrigins: Origins
  trustedProxies: readonly string[]
  introspection: boolean
  graphiql: boolean
  console: boolean
  /** Path of the file of allowed operations; absent: any operation runs. */
  persistedOperations?: string
  limits: Limits
  tracing: TraceConfig
  logLevel: z.infer<typeof Environment>['LOG_LEVEL']
}>

/** Variables that Kubernetes sets in every container beside a service that is called tidemark. */
const KUBERNETES = /^TIDEMARK_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/

function isUnknown([name, value]: [string, string | undefined]): boolean {
  const isAddress = name === 'TIDEMARK_PORT' && /^(tcp|udp|sctp):\/\//.test(value ?? '')
  return name.startsWith('TIDEMARK_') && !SETTINGS.includes(name) && !KUBERNETES.test(name) && !isAddress
}

/** Shorter names are too often close to each other. */
const MIN_NAME_LENGTH = 7

/** Variables that are probably misspelled settings, each with the setting that it resembles. */
export function misspelledSettings(
  env: Readonly<Record<string, string | undefined>>,
): [name: string, setting: string][] {
  const names = Object.keys(env).filter((name) => name.length >= MIN_NAME_LENGTH && !SETTINGS.includes(name))
  return names.flatMap((name) => {
    const setting = SETTINGS.find(
      (known) => known.length >= MIN_NAME_LENGTH && distance(known, name.toUpperCase()) <= 2,
    )
    return setting ? [[name, setting]] : []
  })
}

/** Empty variables count as unset. @throws ConfigError listing every invalid variable and unknown `TIDEMARK_*`. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const unknown = Object.entries(set).filter(isUnknown)
  const parsed = Environment.safeParse(set)
  const problems = [
    ...(parsed.error?.issues.map((issue) => `${issue.path.join('.')} must be ${expectation(issue)}`) ?? []),
    ...traceProblems(set),
    ...unknown.map(([name]) => `${name} is not a known setting (settings have no prefix: ${SETTINGS.join(', ')})`),
  ]
  if (!parsed.success || problems.length > 0) throw new ConfigError(`Invalid settings:\n  ${problems.join('\n  ')}`)
  const { PORT, HOST, DATA_DIR, DATABASE_URL, REDIS_URL, ROOT_API_KEY, SLOW_CONSUMER_SECONDS, LOG_LEVEL } = parsed.data
  const { CORS_ORIGINS, TRUSTED_PROXIES, INTROSPECTION, GRAPHIQL, CONSOLE, NODE_ENV, PERSISTED_OPERATIONS } =
    parsed.data
  const { KEEP_ALIVE_SECONDS, DATABASE_TIMEOUT_SECONDS, TRIEVE_API_KEY, LLAMA_CLOUD_API_KEY } = parsed.data
  const open = NODE_ENV !== 'production'
  return Object.freeze({
    port: PORT,
    host: HOST,
    dataDir: DATA_DIR,
    databaseUrl: DATABASE_URL,
    databaseTimeoutSeconds: DATABASE_TIMEOUT_SECONDS,
    redisUrl: REDIS_URL,
    rootApiKey: ROOT_API_KEY,
    trieveApiKey: TRIEVE_API_KEY,
    llamaCloudApiKey: LLAMA_CLOUD_API_KEY,
    remote: { url: parsed.data.TIDEMARK_URL, key: parsed.data.TIDEMARK_API_KEY },
    slowConsumerSeconds: SLOW_CONSUMER_SECONDS,
    keepAliveSeconds: KEEP_ALIVE_SECONDS,
    corsOrigins: CORS_ORIGINS,
    trustedProxies: TRUSTED_PROXIES,
    introspection: INTROSPECTION ?? open,
    graphiql: GRAPHIQL ?? open,
    console: CONSOLE ?? true,
    persistedOperations: PERSISTED_OPERATIONS,
    limits: limitsOf(parsed.data),
    tracing: tracingOf(parsed.data),
    logLevel: LOG_LEVEL,
  })
}

function isServerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return /^https?:$/.test(protocol) && username === '' && password === ''
}

function areProxies(list: readonly string[]): boolean {
  try {
    createAddressOf(list)
    return true
  } catch {
    return false
  }
}

// Every check but the choices carries its own message.
function expectation(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_value' ? `one of ${issue.values.join(', ')}` : issue.message
}
