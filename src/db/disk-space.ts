import { statfs } from 'node:fs/promises'
import { CodedError, StartError } from '../errors.ts'
import { RepeatedTask } from '../lib/repeated-task.ts'

const MIB = 1_048_576

// Below these free bytes: warn, reject events, do not start. PostgreSQL preallocates files of 16 MiB.
export const ROOM = { little: 1_024 * MIB, full: 256 * MIB, none: 16 * MIB } as const

const CHECK_MS = 1_000

/** In seconds. */
const RETRY_AFTER = 60

export const READ_ONLY = new CodedError(
  'UNAVAILABLE',
  'The database is read-only, for example because its disk is full: nothing can be changed. Retry after 60 s.',
  { retryAfter: RETRY_AFTER },
)

type DiskState = 'ok' | 'little' | 'full'

export type DiskObserver = (state: DiskState, free: number) => void

/** Bytes that this user can write to the disk of a directory. */
export async function freeSpace(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory)
  return bavail * bsize
}

/** Free space of a directory in which a database is opened. @throws StartError when it would not even start. */
export async function spaceToStart(directory: string): Promise<number> {
  const free = await freeSpace(directory)
  if (free >= ROOM.none) return free
  const mib = Math.floor(free / MIB)
  throw new StartError(`The disk of DATA_DIR is full: ${mib} MiB are free in ${directory}. Free some space.`)
}

/** The free space of the embedded database, which hangs in the middle of a write when there is none. */
export class DiskSpace implements AsyncDisposable {
  readonly #observer: DiskObserver
  readonly #checking: RepeatedTask
  #free: number
  #follow: ((isFull: boolean) => void) | undefined
  #state: DiskState = 'ok'

  private constructor(directory: string, free: number, observer: DiskObserver) {
    this.#free = free
    this.#observer = observer
    const check = async () => this.#measured(await freeSpace(directory))
    // If the space cannot be measured, the last state stays.
    this.#checking = new RepeatedTask(CHECK_MS, check, () => undefined)
    this.#measured(free)
    this.#checking.start()
  }

  /** Measures the space now, and every second. @throws StartError as `spaceToStart`. */
  static async watch(directory: string, observer: DiskObserver): Promise<DiskSpace> {
    return new DiskSpace(directory, await spaceToStart(directory), observer)
  }

  get free(): number {
    return this.#free
  }

  get isFull(): boolean {
    return this.#state === 'full'
  }

  /** Calls back now, and whenever the disk becomes full or has space again. */
  follow(change: (isFull: boolean) => void): void {
    this.#follow = change
    change(this.isFull)
  }

  /** @throws CodedError UNAVAILABLE while there is too little space to record events. */
  check(): void {
    if (!this.isFull) return
    const message = 'The disk of the server is full: events can be read but not recorded. Retry after 60 s.'
    throw new CodedError('UNAVAILABLE', message, { retryAfter: RETRY_AFTER })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#checking[Symbol.asyncDispose]()
  }

  #measured(free: number): void {
    this.#free = free
    const state = free < ROOM.full ? 'full' : free < ROOM.little ? 'little' : 'ok'
    const [before, wasFull] = [this.#state, this.isFull]
    this.#state = state
    if (state !== before) this.#observer(state, free)
    if (this.isFull !== wasFull) this.#follow?.(this.isFull)
  }
}
