import type { Caller } from '../caller.ts'

/** A queue that serves tenants in turn, and the callers of a tenant in turn within it. */
export class RoundRobin<Item> {
  readonly #tenants = new Map<string, Map<string, Item[]>>()

  get isEmpty(): boolean {
    return this.#tenants.size === 0
  }

  add({ tenant, name }: Caller, item: Item): void {
    const callers = this.#tenants.get(tenant) ?? new Map<string, Item[]>()
    this.#tenants.set(tenant, callers)
    const items = callers.get(name)
    if (items) items.push(item)
    else callers.set(name, [item])
  }

  /** Takes the first item whose caller may be served; the tenant and the caller then go to the end of their lines. */
  take(mayServe: (caller: Caller) => boolean = () => true): Item | undefined {
    for (const [tenant, callers] of this.#tenants) {
      for (const [name, items] of callers) {
        if (!mayServe({ tenant, name })) continue
        const item = items.shift()
        callers.delete(name)
        if (items.length > 0) callers.set(name, items)
        this.#tenants.delete(tenant)
        if (callers.size > 0) this.#tenants.set(tenant, callers)
        return item
      }
    }
    return undefined
  }
}
