/** `problem`: something does not work, or will be lost. `warning`: it works, but less well or less safely than it could. */
type State = 'ok' | 'warning' | 'problem'

/** What a check has found. */
export interface Outcome {
  state: State
  /** What is so, in a sentence. */
  found: string
  /** What to do about it, in a sentence; absent when there is nothing to do. */
  advice?: string
  /** Each of those that the sentence is about, where they are several. */
  details?: string[]
}

/** What the check of this name has found. */
export interface Finding extends Outcome {
  check: string
}
