import { Tally } from '../rig/tally.ts'

/**
 * The errors that clients may get while parts of the system fail: to try again, or nothing at all. The rest are errors
 * of connections, of which graphql-ws reports an event.
 */
const EXPECTED = new RegExp(
  '^(?:UNAVAILABLE|RATE_LIMITED|SLOW_CONSUMER|1001|1006|1013|broken off|\\[object Object\\]|' +
    '(?:TypeError|TimeoutError|SyntaxError)\\b.*)$',
)

/** What clients have seen, and what they should not have. */
export class Record {
  readonly refusals = new Tally()
  readonly violations: string[] = []
  /** The position that was acknowledged for each event of a stream, by its id. */
  readonly acknowledged = new Map<string, Map<string, number>>()

  /** Notes why a client was refused or cut off. */
  refuse(client: string, why: unknown): void {
    const reason = String(why)
    this.refusals.add(EXPECTED.test(reason) ? reason.split(':', 1).join() : reason)
    if (!EXPECTED.test(reason)) this.violate(client, `received ${reason}`)
  }

  violate(client: string, what: string): void {
    if (this.violations.length < 50) this.violations.push(`${client} ${what}`)
  }

  /** Notes an acknowledged event. An id has one position. */
  acknowledge(stream: string, id: string, seq: number): void {
    const known = this.acknowledged.get(stream) ?? new Map<string, number>()
    this.acknowledged.set(stream, known)
    const before = known.get(id)
    if (before !== undefined && before !== seq) this.violate('A writer', `got ${before} and ${seq} for one id`)
    known.set(id, seq)
  }

  get total(): number {
    return [...this.acknowledged.values()].reduce((sum, { size }) => sum + size, 0)
  }
}
