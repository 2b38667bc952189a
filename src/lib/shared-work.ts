/** Work in progress whose result all get that ask for it meanwhile, if they are of the same owner. */
export class SharedWork<Result> {
  readonly #inProgress = new WeakMap<object, Map<string, Promise<Result>>>()

  /** @param key of what is done: the same result for all that it matters to. @param owner what the work waits with. */
  run(owner: object, key: string, work: () => Promise<Result>): Promise<Result> {
    const ofOwner = this.#inProgress.get(owner) ?? new Map<string, Promise<Result>>()
    this.#inProgress.set(owner, ofOwner)
    const known = ofOwner.get(key)
    if (known) return known
    const result = work().finally(() => ofOwner.delete(key))
    ofOwner.set(key, result)
    return result
  }
}
