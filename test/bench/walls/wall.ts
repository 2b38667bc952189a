import type { Node } from '../../support/rig/node.ts'
import type { ScratchDatabase } from '../../support/rig/scratch-database.ts'
import type { Tenant } from '../../support/rig/tenant.ts'

/** What is told of an attack, by name. */
export type Figures = Record<string, string | number | boolean | undefined>

/** A freshly started server, an attacking tenant and one that is attacked. */
export interface World {
  node: Node
  attacker: Tenant
  victim: Tenant
  /** The settings of its database, for other processes. */
  env: Pick<ScratchDatabase, 'DATABASE_URL' | 'DATA_DIR'>
  /** Where the server's code is. */
  checkout: string
  /** Does the attack while a neighbour is served; what it returns is told beside how that went. */
  measure: (attack: () => Promise<Figures>) => Promise<Figures>
  /** Starts another server on the same database, ended with the rest. */
  start: (env: Record<string, string | undefined>) => Promise<Node>
}

/** A way to hurt a server or its tenants, as a bounded attack. */
export interface Wall {
  name: string
  /** What is done, in a line. */
  about: string
  /** Limit of the server's heap, in MiB. */
  heap?: number
  env?: Record<string, string>
  /** How long it may take at most once it is prepared, in seconds, before the server is killed; 360 by default. */
  seconds?: number
  run: (world: World) => Promise<Figures>
}
