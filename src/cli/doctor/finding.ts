/** `problem`: broken, or data at risk. `warning`: works, but less well or less safely than it could. */
type State = 'ok' | 'warning' | 'problem'

export interface Outcome {
  state: State
  found: string
  advice?: string
  details?: string[]
}

export interface Finding extends Outcome {
  check: string
}
