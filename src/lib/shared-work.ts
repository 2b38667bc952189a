/** Work in progress whose result all get that ask for it meanwhile, if they are of the same owner. */
export class SharedWork<Result> {
  // The inner ones are not maps, which would retain results: see `Bag`.
  readonly #inProgress = new WeakMap<object, Record<string, Promise<Result>>>()

  /** @param key of what is done: the same result for all that it matters to. @param owner what the work waits with. */
  run(owner: object, key: string, work: () => Promise<Result>): Promise<Result> {
    const ofOwner: Record<string, Promise<Result>> = this.#inProgress.get(owner) ?? Object.create(null)
    this.#inProgress.set(owner, ofOwner)
    const known = ofOwner[key]
    if (known) return known
    const result = work().finally(() => Reflect.deleteProperty(ofOwner, key))
    ofOwner[key] = result
    return result
  }
}
