import { type Browser, chromium } from 'playwright-core'

/** Debian's Chromium, without the windows around pages: they take most of the processor time of the whole program. */
export const CHROMIUM = 'chromium-headless-shell'

/** Starts it. */
export function launchChromium(): Promise<Browser> {
  // As root, and without the shared memory of a small container.
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu']
  return chromium.launch({ executablePath: `/usr/bin/${CHROMIUM}`, args })
}
