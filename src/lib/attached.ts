/**
 * A value that objects of one kind have, as a property of theirs. Not a WeakMap: until a full garbage collection, it
 * keeps all values of keys that are gone, and so the keys that they refer to.
 */
export class Attached<Owner extends object, Value> {
  readonly #key = Symbol()

  of(owner: Owner): Value | undefined {
    return (owner as Record<symbol, Value | undefined>)[this.#key]
  }

  attach(owner: Owner, value: Value | undefined): void {
    ;(owner as Record<symbol, Value | undefined>)[this.#key] = value
  }
}
