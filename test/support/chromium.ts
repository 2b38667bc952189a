import { type Browser, chromium } from 'playwright-core'

/** Starts Debian's Chromium without a window. */
export function launchChromium(): Promise<Browser> {
  // As root, and without the shared memory of a small container.
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu']
  return chromium.launch({ executablePath: '/usr/bin/chromium', args })
}
