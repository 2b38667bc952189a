/** `problem`: broken, or data at risk. `warning`: works, but less well or less safely than it could. */
type State = 'ok' | 'warning' | 'problem'

export interface CheckResult {
  state: State
  found: string
  advice?: string
  details?: string[]
}

export interface Finding extends CheckResult {
  check: string
}
