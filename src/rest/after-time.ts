/** A text read as a point in time: microseconds since 1970, or what is wrong with it and what pydantic calls that. */
export type AfterTime =
  | { readonly micros: bigint; readonly problem?: undefined }
  | { readonly type: 'datetime_from_date_parsing' | 'datetime_parsing'; readonly problem: string }

const DATE_TIME =
  /^(\d{4}-\d\d-\d\d)(?:[Tt_ ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:[.,](\d+))?)?(?:[Zz]|([+-])([01]\d|2[0-3]):?([0-5]\d))?)?$/
const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?$/

/** The largest number that counts as seconds; beyond, it is milliseconds. */
const LAST_SECOND = 20_000_000_000n
const YEAR_1 = -62_135_596_800_000_000n
const YEAR_10000 = 253_402_300_800_000_000n

/** Reads what pydantic takes for a datetime: ISO forms, with UTC where no zone is given, and unix times. */
export function readAfterTime(text: string): AfterTime {
  const number = NUMBER.exec(text)
  if (number && /\d/.test(text)) return fromNumber(number)
  const problem = dateProblem(text)
  if (problem) return badDate(problem)
  const match = DATE_TIME.exec(text)
  if (!match) return badDate('unexpected extra characters at the end of the input')
  if (text.startsWith('0000')) return { type: 'datetime_parsing', problem: 'year 0 is out of range' }
  const [, date, hour = '00', minute = '00', second = '00', fraction = '', sign, zoneHour, zoneMinute] = match
  const zone = sign ? `${sign}${zoneHour}:${zoneMinute}` : 'Z'
  const millis = Date.parse(`${date}T${hour}:${minute}:${second}${zone}`)
  return { micros: BigInt(millis) * 1000n + BigInt(fraction.slice(0, 6).padEnd(6, '0')) }
}

function fromNumber([, sign, whole = '', fraction = '']: RegExpExecArray): AfterTime {
  const digits = BigInt(whole || '0')
  // How many decimals of the number are microseconds.
  const decimals = digits > LAST_SECOND ? 3 : 6
  const size = BigInt(`${whole || '0'}${fraction.slice(0, decimals).padEnd(decimals, '0')}`)
  const micros = sign === '-' ? -size : size
  const problem = outOfRange(micros)
  return problem ? badDate(problem) : { micros }
}

function badDate(problem: string): AfterTime {
  return { type: 'datetime_from_date_parsing', problem }
}

function outOfRange(micros: bigint): string | undefined {
  if (micros >= YEAR_10000) return 'dates after 9999 are not supported as unix timestamps'
  return micros < YEAR_1 ? 'dates before 0000 are not supported as unix timestamps' : undefined
}

// pydantic tries a date last, so whatever is wrong, its words are those for a bad date; they come in the order it reads one.
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
  // Years below 100 would be taken for 19xx; 400 years later the calendar is the same.
  return new Date(Date.UTC(year + 400, month, 0)).getUTCDate()
}
