import type { Node } from '../../support/rig/node.ts'
import type { ScratchDatabase } from '../../support/rig/scratch-database.ts'
import type { Tenant } from '../../support/rig/tenant.ts'

/** Measurements of an attack, by name. */
export type Figures = Record<string, string | number | boolean | undefined>

/** A freshly started server, an attacking tenant and a victim. */
export interface World {
  node: Node
  attacker: Tenant
  victim: Tenant
  /** The settings of its database, for other processes. */
  env: Pick<ScratchDatabase, 'DATABASE_URL' | 'DATA_DIR'>
  /** The checkout of the server. */
  checkout: string
  /** Runs the attack while a neighbour is served; reports the result together with the neighbour's measurements. */
  measure: (attack: () => Promise<Figures>) => Promise<Figures>
  /** Starts another server on the same database, stopped with the rest. */
  start: (env: Record<string, string | undefined>) => Promise<Node>
}

/** An attack on a server or its tenants, with bounds. */
export interface Attack {
  name: string
  /** One-line description. */
  about: string
  /** Heap limit of the server, in MiB. */
  heap?: number
  env?: Record<string, string>
  /** Timeout after the preparation, in seconds, before the server is killed; 360 by default. */
  seconds?: number
  run: (world: World) => Promise<Figures>
}
