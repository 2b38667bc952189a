const NUMBER = new Intl.NumberFormat('en')
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })

/** Such as 1,204,512. */
export function formatNumber(value: number): string {
  return NUMBER.format(value)
}

/** Such as 1.2M, for places where the exact number is elsewhere. */
export function formatCompact(value: number): string {
  return COMPACT.format(value)
}

/** Such as "1 event" and "1,204 events". */
export function formatCount(value: number, noun: string): string {
  return `${formatNumber(value)} ${noun}${value === 1 ? '' : 's'}`
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB'] as const

export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`
}

const pad = (value: number, length = 2) => String(value).padStart(length, '0')

/** Time of day in the zone of the reader, such as 14:03:22; with the date if it is not today. */
export function formatTime(text: string, now: number): string {
  const at = new Date(text)
  const time = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`
  const isToday = new Date(now).toDateString() === at.toDateString()
  return isToday ? time : `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${time}`
}

/** Whole units, such as "2 s ago"; undefined from a minute on, where the time of day says more. */
export function formatAge(text: string, now: number): string | undefined {
  const seconds = Math.floor((now - Date.parse(text)) / 1_000)
  if (seconds < 60) return seconds < 1 ? 'now' : `${seconds} s ago`
  return undefined
}

/** Such as "2 s ago", "5 min ago", "3 h ago", "4 d ago". */
export function formatLongAge(text: string, now: number): string {
  const seconds = Math.floor((now - Date.parse(text)) / 1_000)
  const [size, unit] = AGES.find(([size]) => seconds >= size) ?? [1, 's']
  return seconds < 1 ? 'now' : `${Math.floor(seconds / size)} ${unit} ago`
}

const AGES: readonly [number, string][] = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
]

/** In UTC with milliseconds, as the server says it: 2026-11-26 14:03:22.184 Z. */
export function formatExactTime(text: string): string {
  return text.replace('T', ' ').replace('Z', ' Z')
}

/** The names of types and states, which the schema has in upper case. */
export function lower(name: string): string {
  return name.toLowerCase()
}

export function isFailure(eventType: string): boolean {
  return eventType.endsWith('_FAILED')
}
