import { ANONYMOUS_DOCUMENTS } from './anonymous-documents.ts'
import { ANONYMOUS_SOCKETS } from './anonymous-sockets.ts'
import { ANONYMOUS_THROUGH_PROXY } from './anonymous-through-proxy.ts'
import type { Attack } from './attack.ts'
import { CORS } from './cors.ts'
import { CROWDED_POOL } from './crowded-pool.ts'
import { DATABASE_DOWN } from './database-down.ts'
import { EMPTY_SOURCES } from './empty-sources.ts'
import { FILES } from './files.ts'
import { FOREIGN_IMPORT } from './foreign-import.ts'
import { FOREIGN_RETENTION } from './foreign-retention.ts'
import { HOSTILE_UPSTREAM } from './hostile-upstream.ts'
import { LATE_LIMITS } from './late-limits.ts'
import { LONG_LISTS } from './long-lists.ts'
import { MANY_KEYS } from './many-keys.ts'
import { PERSISTED_OPERATIONS } from './persisted-operations.ts'
import { REDIS_HANGS } from './redis-hangs.ts'
import { REJECTED_UPGRADES } from './rejected-upgrades.ts'
import { REVOKED_LIST } from './revoked-list.ts'
import { SUBSCRIPTIONS } from './subscriptions.ts'
import { TRACKING_IDS } from './tracking-ids.ts'
import { UNCOUNTED_ROUTES } from './uncounted-routes.ts'
import { UNREAD_RESPONSES } from './unread-responses.ts'

/** All attacks. */
export const ATTACKS: readonly Attack[] = [
  ...FOREIGN_RETENTION,
  ...FOREIGN_IMPORT,
  ...LONG_LISTS,
  ...LATE_LIMITS,
  ...UNREAD_RESPONSES,
  ...EMPTY_SOURCES,
  ...SUBSCRIPTIONS,
  ...ANONYMOUS_THROUGH_PROXY,
  ...ANONYMOUS_DOCUMENTS,
  ...REVOKED_LIST,
  ...REJECTED_UPGRADES,
  ...CROWDED_POOL,
  ...FILES,
  ...UNCOUNTED_ROUTES,
  ...HOSTILE_UPSTREAM,
  ...TRACKING_IDS,
  ...MANY_KEYS,
  ...PERSISTED_OPERATIONS,
  ...DATABASE_DOWN,
  ...CORS,
  ...REDIS_HANGS,
  ...ANONYMOUS_SOCKETS,
]
