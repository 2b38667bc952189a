import { Attached } from './attached.ts'

/**
 * Objects that come and go all the time, each at most once, in any order. Not a Set: it makes its table anew after a
 * few of them, and an old table that outlives a minor collection retains all later ones, with what was in them.
 */
export class Bag<Member extends object> {
  readonly #members: Member[] = []
  readonly #places = new Attached<Member, number>()

  get size(): number {
    return this.#members.length
  }

  add(member: Member): void {
    if (this.#places.of(member) !== undefined) return
    this.#places.attach(member, this.#members.length)
    this.#members.push(member)
  }

  delete(member: Member): void {
    const place = this.#places.of(member)
    if (place === undefined) return
    this.#places.attach(member, undefined)
    const last = this.#members.pop() as Member
    if (last === member) return
    this.#members[place] = last
    this.#places.attach(last, place)
  }

  /** As they are now. */
  all(): Member[] {
    return [...this.#members]
  }
}
