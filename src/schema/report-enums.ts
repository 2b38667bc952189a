import { builder } from './builder.ts'

export const ReportOperation = builder.enumType('ReportOperation', {
  description: 'Kind of operation of a report workflow. LlamaCloud uses the same names in lower case.',
  values: {
    LOAD_TEMPLATE: { value: 'load_template', description: 'Loads the template of the report.' },
    EXTRACT_PLAN: { value: 'extract_plan', description: 'Determines which blocks to write.' },
    SUMMARIZE: { value: 'summarize', description: 'Summarizes sources.' },
    FILE_PROCESSING: { value: 'file_processing', description: 'Processes files.' },
    GENERATE_BLOCK: { value: 'generate_block', description: 'Writes a block.' },
    EDITING: { value: 'editing', description: 'Edits existing content.' },
  } as const,
})

export const OperationStatus = builder.enumType('OperationStatus', {
  description: 'Status of an operation.',
  values: {
    PENDING: { value: 'pending', description: 'Not started.' },
    IN_PROGRESS: { value: 'in_progress', description: 'Running.' },
    COMPLETED: { value: 'completed', description: 'Finished successfully.' },
    ERROR: { value: 'error', description: 'Failed. The message gives the reason.' },
  } as const,
})

export const ReportState = builder.enumType('ReportState', {
  description: 'State of a whole report. COMPLETED and ERROR are final.',
  values: {
    PENDING: { value: 'pending', description: 'Not started.' },
    PLANNING: { value: 'planning', description: 'The plan is being created.' },
    WAITING_APPROVAL: { value: 'waiting_approval', description: 'The plan is waiting for approval by a person.' },
    GENERATING: { value: 'generating', description: 'Blocks are being written.' },
    COMPLETED: { value: 'completed', description: 'The report is complete.' },
    ERROR: { value: 'error', description: 'The report failed. The message gives the reason.' },
  } as const,
})
