import type { ProgressData, StateData } from '../log/report/report-data.ts'
import { builder } from './builder.ts'

export const ReportOperation = builder.enumType('ReportOperation', {
  description: 'Kind of operation of a report workflow. LlamaCloud uses the same names in lower case.',
  values: valuesOf<ProgressData['variant']>({
    load_template: 'Loads the template of the report.',
    extract_plan: 'Determines which blocks to write.',
    summarize: 'Summarizes sources.',
    file_processing: 'Processes files.',
    generate_block: 'Writes a block.',
    editing: 'Edits existing content.',
  }),
})

export const OperationStatus = builder.enumType('OperationStatus', {
  description: 'Status of an operation.',
  values: valuesOf<ProgressData['status']>({
    pending: 'Not started.',
    in_progress: 'Running.',
    completed: 'Finished successfully.',
    error: 'Failed. The message gives the reason.',
  }),
})

export const ReportState = builder.enumType('ReportState', {
  description: 'State of a whole report. COMPLETED and ERROR are final.',
  values: valuesOf<StateData['status']>({
    pending: 'Not started.',
    planning: 'The plan is being created.',
    waiting_approval: 'The plan is waiting for approval by a person.',
    generating: 'Blocks are being written.',
    completed: 'The report is complete.',
    error: 'The report failed. The message gives the reason.',
  }),
})

type Values<Word extends string> = { [Each in Word as Uppercase<Each>]: { value: Each; description: string } }

/** The upper-cased names of LlamaCloud's words, each with its description. */
function valuesOf<Word extends string>(descriptions: Record<Word, string>): Values<Word> {
  const words = Object.entries<string>(descriptions)
  return Object.fromEntries(
    words.map(([value, description]) => [value.toUpperCase(), { value, description }]),
  ) as Values<Word>
}
