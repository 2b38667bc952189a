/** On whose account a request is made. Budgets of a caller lie within that of its tenant. */
export interface Caller {
  /** The key, or the address of a request without a valid one. */
  readonly name: string
  /** The organization of the key; all requests without a valid key share one tenant. */
  readonly tenant: string
}
