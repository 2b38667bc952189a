import { CORS } from './cors.ts'
import { CROWDED_POOL } from './crowded-pool.ts'
import { DATABASE_DOWN } from './database-down.ts'
import { EMPTY_SOURCES } from './empty-sources.ts'
import { FILES } from './files.ts'
import { FOREIGN_IMPORT } from './foreign-import.ts'
import { FOREIGN_RETENTION } from './foreign-retention.ts'
import { HOSTILE_ORIGINAL } from './hostile-original.ts'
import { LATE_LIMITS } from './late-limits.ts'
import { LONG_LISTS } from './long-lists.ts'
import { MANY_KEYS } from './many-keys.ts'
import { PERSISTED_OPERATIONS } from './persisted-operations.ts'
import { REDIS_HANGS } from './redis-hangs.ts'
import { REFUSED_UPGRADES } from './refused-upgrades.ts'
import { REVOKED_LIST } from './revoked-list.ts'
import { STRANGER_DOCUMENTS } from './stranger-documents.ts'
import { STRANGER_SOCKETS } from './stranger-sockets.ts'
import { STRANGERS_THROUGH_PROXY } from './strangers-through-proxy.ts'
import { SUBSCRIPTIONS } from './subscriptions.ts'
import { TRACKING_IDS } from './tracking-ids.ts'
import { UNCOUNTED_ROUTES } from './uncounted-routes.ts'
import { UNREAD_ANSWERS } from './unread-answers.ts'
import type { Wall } from './wall.ts'

/** All attacks. */
export const WALLS: readonly Wall[] = [
  ...FOREIGN_RETENTION,
  ...FOREIGN_IMPORT,
  ...LONG_LISTS,
  ...LATE_LIMITS,
  ...UNREAD_ANSWERS,
  ...EMPTY_SOURCES,
  ...SUBSCRIPTIONS,
  ...STRANGERS_THROUGH_PROXY,
  ...STRANGER_DOCUMENTS,
  ...REVOKED_LIST,
  ...REFUSED_UPGRADES,
  ...CROWDED_POOL,
  ...FILES,
  ...UNCOUNTED_ROUTES,
  ...HOSTILE_ORIGINAL,
  ...TRACKING_IDS,
  ...MANY_KEYS,
  ...PERSISTED_OPERATIONS,
  ...DATABASE_DOWN,
  ...CORS,
  ...REDIS_HANGS,
  ...STRANGER_SOCKETS,
]
