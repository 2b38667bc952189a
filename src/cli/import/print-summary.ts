import { printable } from '../../lib/text.ts'
import { print, printError, printJson } from '../terminal.ts'
import { type ImportSummary, MAX_REJECTIONS, type Rejection } from './import-summary.ts'

export function describeRejection({ place, reason }: Rejection): string {
  return printable(`${'line' in place ? `line ${place.line}` : `event ${place.id}`}: ${reason}`)
}

export function printSummary(summary: ImportSummary, json: boolean): void {
  const { counts, rejections } = summary
  const unlisted = counts.conflicts + counts.rejected - MAX_REJECTIONS
  if (unlisted > 0) printError(`… and ${unlisted} more.`)
  if (json) {
    const listed = rejections.map(({ place, outcome, reason }) => ({ ...place, outcome, reason }))
    printJson({ ...counts, rejections: listed })
  } else {
    for (const [name, count] of Object.entries(counts)) print(`${name.padEnd(10)} ${String(count).padStart(12)}`)
  }
}
