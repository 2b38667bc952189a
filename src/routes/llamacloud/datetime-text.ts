/** Unix milliseconds, rounded down (before 1970 possibly up), or pydantic's error type and message. */
export type ParsedDatetime =
  | { readonly millis: number; readonly problem?: undefined }
  | { readonly type: 'datetime_from_date_parsing' | 'datetime_parsing'; readonly problem: string }

const [DATE, TIME] = [String.raw`(\d{4}-\d\d-\d\d)`, String.raw`([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:[.,](\d+))?)?`]
const ZONE = String.raw`(?:[Zz]|([+-])([01]\d|2[0-3]):?([0-5]\d))`
const DATE_TIME = new RegExp(`^${DATE}(?:[Tt_ ]${TIME}${ZONE}?)?$`)
const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?$/

/** The largest number read as seconds; larger ones are milliseconds. */
const LAST_SECOND = 20_000_000_000
const YEAR_1 = -62_135_596_800_000
const YEAR_10000 = 253_402_300_800_000

/** Parses pydantic's datetimes: ISO forms, UTC without a zone, and Unix times. */
export function parseDatetime(text: string): ParsedDatetime {
  const number = NUMBER.exec(text)
  if (number && /\d/.test(text)) return fromNumber(number)
  const problem = dateProblem(text)
  if (problem) return badDate(problem)
  const match = DATE_TIME.exec(text)
  if (!match) return badDate('unexpected extra characters at the end of the input')
  if (text.startsWith('0000')) return { type: 'datetime_parsing', problem: 'year 0 is out of range' }
  const [, date, hour = '00', minute = '00', second = '00', fraction = '', sign, zoneHour, zoneMinute] = match
  const zone = sign ? `${sign}${zoneHour}:${zoneMinute}` : 'Z'
  return { millis: Date.parse(`${date}T${hour}:${minute}:${second}.${fraction.slice(0, 3).padEnd(3, '0')}${zone}`) }
}

function fromNumber([, sign, whole = '', fraction = '']: RegExpExecArray): ParsedDatetime {
  const seconds = Number(whole) <= LAST_SECOND
  const size = Number(seconds ? `${whole}${fraction.slice(0, 3).padEnd(3, '0')}` : whole)
  const millis = sign === '-' ? -size : size
  if (millis >= YEAR_10000) return badDate('dates after 9999 are not supported as unix timestamps')
  if (millis < YEAR_1) return badDate('dates before 0000 are not supported as unix timestamps')
  return { millis }
}

function badDate(problem: string): ParsedDatetime {
  return { type: 'datetime_from_date_parsing', problem }
}

// pydantic tries a date last, so every error is a date error, in its parsing order.
function dateProblem(text: string): string | undefined {
  if (Buffer.byteLength(text) < 10) return 'input is too short'
  const separator = 'invalid date separator, expected `-`'
  if (!/^\d{4}/.test(text)) return 'invalid character in year'
  if (text[4] !== '-') return separator
  if (!/^\d\d/.test(text.slice(5))) return 'invalid character in month'
  if (text[7] !== '-') return separator
  if (!/^\d\d/.test(text.slice(8))) return 'invalid character in day'
  const [year, month, day] = [Number(text.slice(0, 4)), Number(text.slice(5, 7)), Number(text.slice(8, 10))]
  if (month < 1 || month > 12) return 'month value is outside expected range of 1-12'
  return day < 1 || day > daysIn(year, month) ? 'day value is outside expected range' : undefined
}

function daysIn(year: number, month: number): number {
  // `Date.UTC` maps years below 100 to 19xx; the calendar repeats every 400 years.
  return new Date(Date.UTC(year + 400, month, 0)).getUTCDate()
}
