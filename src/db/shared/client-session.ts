import type { PGlite } from '@electric-sql/pglite'
import type { SqlDriverAdapter, Transaction } from '@prisma/driver-adapter-utils'
import type { Request } from './messages.ts'

export interface SharedParts {
  pglite: PGlite
  adapter: SqlDriverAdapter
}

/** The statements of one connection to a shared database, one after the other; they take turns with all others. */
export class ClientSession {
  readonly #parts: SharedParts
  #transaction: Transaction | undefined

  constructor(parts: SharedParts) {
    this.#parts = parts
  }

  get inTransaction(): boolean {
    return this.#transaction !== undefined
  }

  async run(request: Request): Promise<unknown> {
    const { pglite, adapter } = this.#parts
    switch (request.method) {
      case 'queryRaw':
      case 'executeRaw':
        return (this.#transaction ?? adapter)[request.method](request.query)
      case 'query':
        this.#rejectInTransaction()
        return { rows: (await pglite.query(request.sql, request.parameters)).rows }
      case 'exec':
        this.#rejectInTransaction()
        await pglite.exec(request.sql)
        return undefined
      case 'begin':
        this.#rejectInTransaction()
        this.#transaction = await adapter.startTransaction()
        return undefined
      case 'commit':
      case 'rollback':
        return this.#endTransaction(request.method)
    }
  }

  async end(): Promise<void> {
    await this.#endTransaction('rollback')
  }

  // These would wait for the end of the transaction, which waits for them.
  #rejectInTransaction(): void {
    if (this.#transaction) throw new Error('A transaction is in progress on this connection.')
  }

  async #endTransaction(how: 'commit' | 'rollback'): Promise<void> {
    const transaction = this.#transaction
    this.#transaction = undefined
    await transaction?.[how]()
  }
}
