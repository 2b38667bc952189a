import { z } from 'zod'
import { createAddressOf } from './lib/client-address.ts'
import { LIMIT_SETTINGS, type Limits, limitsOf } from './lib/limits.ts'
import { isOrigin, type Origins } from './lib/origins.ts'

/** Settings are wrong. The message names all of them, one a line. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

const PORT_RANGE = 'a port number between 0 and 65535 (0 picks a free one)'

const port = z
  .string()
  .regex(/^\d{1,5}$/, PORT_RANGE)
  .transform(Number)
  .refine((value) => value <= 65_535, PORT_RANGE)

const POSTGRES_URL = 'a URL of the form postgresql://user:password@host:5432/database'

const REDIS_URL = 'a URL of the form redis://user:password@host:6379, or rediss:// for TLS'

// Ten different characters rule out "changemechangeme" and the like, and hardly any key that was made at random.
const ROOT_KEY =
  'at least 16 visible ASCII characters without blanks, 10 of them different; "openssl rand -hex 24" makes one'

const ORIGINS = 'origins as browsers send them, such as https://app.example, separated by commas, or *'

const PROXIES =
  'addresses, networks such as 10.0.0.0/8, or the names loopback, linklocal and uniquelocal, separated by commas'

const key = z
  .string()
  .regex(/^[\x21-\x7e]+$/, 'visible ASCII without blanks')
  .optional()

const onOrOff = z
  .enum(['on', 'off'])
  .transform((value) => value === 'on')
  .optional()

const collectorUrl = z
  .url({ protocol: /^https?$/, error: 'the URL of a collector, such as http://127.0.0.1:4318' })
  .optional()

const Environment = z.object({
  PORT: port.default(4000),
  HOST: z.string().min(1, 'a host name or address').default('127.0.0.1'),
  DATA_DIR: z.string().min(1, 'the path of a folder').default('.tidemark'),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: POSTGRES_URL }).optional(),
  REDIS_URL: z
    .string()
    .refine((value) => URL.canParse(value) && /^rediss?:\/\/[^/]/.test(value), REDIS_URL)
    .optional(),
  ROOT_API_KEY: z
    .string()
    .refine((value) => /^[\x21-\x7e]{16,}$/.test(value) && new Set(value).size >= 10, ROOT_KEY)
    .optional(),
  TRIEVE_API_KEY: key,
  LLAMA_CLOUD_API_KEY: key,
  SLOW_CONSUMER_SECONDS: z
    .string()
    .regex(/^[1-9]\d{0,4}$/, 'a whole number of seconds, 1 to 99999')
    .transform(Number)
    .default(30),
  CORS_ORIGINS: z
    .string()
    .transform((list) => list.split(',').map((origin) => origin.trim()))
    .refine((origins) => origins.every(isOrigin), ORIGINS)
    .default([]),
  TRUSTED_PROXIES: z
    .string()
    .transform((list) => list.split(',').map((proxy) => proxy.trim()))
    .refine(areProxies, PROXIES)
    .default([]),
  INTROSPECTION: onOrOff,
  GRAPHIQL: onOrOff,
  PERSISTED_OPERATIONS: z.string().min(1, 'the path of a file').optional(),
  NODE_ENV: z.string().optional(),
  ...LIMIT_SETTINGS,
  OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collectorUrl,
  OTEL_SDK_DISABLED: z.string().optional(),
  LOG_LEVEL: z.enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
})

/** The names of all settings. */
export const SETTINGS: readonly string[] = Object.keys(Environment.shape)

/** Everything that can be set from outside, read once by `main`. */
export type Config = Readonly<{
  /** TCP port; 0 lets the system pick a free one. */
  port: number
  host: string
  /** Folder of the embedded database and of the first root key. */
  dataDir: string
  /** Absent: the embedded database in `dataDir`. */
  databaseUrl?: string
  /** Absent: servers of one PostgreSQL database wake each other by LISTEN and NOTIFY. */
  redisUrl?: string
  /** Absent: a root key is made at the first start. */
  rootApiKey?: string
  /** What `tidemark import trieve` asks the original with. */
  trieveApiKey?: string
  /** What `tidemark import llamacloud` asks the original with. */
  llamaCloudApiKey?: string
  /** How long a subscriber may leave new events unread. */
  slowConsumerSeconds: number
  /** The origins of the web pages that may use `/graphql` besides the server's own. */
  corsOrigins: Origins
  /** The proxies whose word counts for where a request comes from. */
  trustedProxies: readonly string[]
  /** Whether the schema can be asked for. */
  introspection: boolean
  /** Whether a browser that opens `/graphql` gets a page. */
  graphiql: boolean
  /** Path of the file of the only operations that run. Absent: any do. */
  persistedOperations?: string
  limits: Limits
  /** Whether traces are sent. OpenTelemetry itself reads where to, and which. */
  tracing: boolean
  logLevel: z.infer<typeof Environment>['LOG_LEVEL']
}>

/**
 * Turns environment variables into a `Config`. Empty variables count as unset.
 * @throws ConfigError naming every variable that is wrong, and every `TIDEMARK_*` variable there is no setting for.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const unknown = Object.keys(set).filter((name) => name.startsWith('TIDEMARK_'))
  const parsed = Environment.safeParse(set)
  const problems = [
    ...(parsed.error?.issues.map((issue) => `${issue.path.join('.')} must be ${expectation(issue)}`) ?? []),
    ...unknown.map((name) => `${name} is not a setting (settings have no prefix: ${SETTINGS.join(', ')})`),
  ]
  if (!parsed.success || problems.length > 0) throw new ConfigError(`Bad settings:\n  ${problems.join('\n  ')}`)
  const { PORT, HOST, DATA_DIR, DATABASE_URL, REDIS_URL, ROOT_API_KEY, SLOW_CONSUMER_SECONDS, LOG_LEVEL } = parsed.data
  const { CORS_ORIGINS, TRUSTED_PROXIES, INTROSPECTION, GRAPHIQL, NODE_ENV, PERSISTED_OPERATIONS } = parsed.data
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_SDK_DISABLED } = parsed.data
  const collector = OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? OTEL_EXPORTER_OTLP_ENDPOINT
  const { TRIEVE_API_KEY, LLAMA_CLOUD_API_KEY } = parsed.data
  const open = NODE_ENV !== 'production'
  return Object.freeze({
    port: PORT,
    host: HOST,
    dataDir: DATA_DIR,
    databaseUrl: DATABASE_URL,
    redisUrl: REDIS_URL,
    rootApiKey: ROOT_API_KEY,
    trieveApiKey: TRIEVE_API_KEY,
    llamaCloudApiKey: LLAMA_CLOUD_API_KEY,
    slowConsumerSeconds: SLOW_CONSUMER_SECONDS,
    corsOrigins: CORS_ORIGINS,
    trustedProxies: TRUSTED_PROXIES,
    introspection: INTROSPECTION ?? open,
    graphiql: GRAPHIQL ?? open,
    persistedOperations: PERSISTED_OPERATIONS,
    limits: limitsOf(parsed.data),
    tracing: collector !== undefined && OTEL_SDK_DISABLED?.toLowerCase() !== 'true',
    logLevel: LOG_LEVEL,
  })
}

function areProxies(list: readonly string[]): boolean {
  try {
    createAddressOf(list)
    return true
  } catch {
    return false
  }
}

// zod's own wording ends up in the message only for choices, where it lists them.
function expectation(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_value' ? `one of ${issue.values.join(', ')}` : issue.message
}
