import { signal } from '@preact/signals'

/** The time, once a second: ages of what is shown depend on it. */
export const now = signal(Date.now())

setInterval(() => {
  if (!document.hidden) now.value = Date.now()
}, 1_000)
