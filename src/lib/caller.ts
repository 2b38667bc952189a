/** The account that a request is charged to; a caller's budgets lie within its tenant's. */
export interface Caller {
  /** The key, or the address of a request without a valid one. */
  readonly name: string
  /** The key's organization; all requests without a valid key share one tenant. */
  readonly tenant: string
}
