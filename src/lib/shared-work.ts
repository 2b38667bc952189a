/** Work in progress, shared by all calls with the same owner and key until it ends. */
export class SharedWork<Result> {
  // The inner ones are not maps, which would retain results: see `Bag`.
  readonly #inProgress = new WeakMap<object, Record<string, Promise<Result>>>()

  /** @param key identifies the result. @param owner with whose share of the resources the work waits. */
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
