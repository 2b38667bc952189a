import { builder } from './builder.ts'

export const ReportOperation = builder.enumType('ReportOperation', {
  description: 'What a report workflow can be doing. The words of LlamaCloud’s API, in upper case.',
  values: {
    LOAD_TEMPLATE: { value: 'load_template', description: 'Reading the template of the report.' },
    EXTRACT_PLAN: { value: 'extract_plan', description: 'Working out which blocks to write.' },
    SUMMARIZE: { value: 'summarize', description: 'Summing up sources.' },
    FILE_PROCESSING: { value: 'file_processing', description: 'Taking in files.' },
    GENERATE_BLOCK: { value: 'generate_block', description: 'Writing a block.' },
    EDITING: { value: 'editing', description: 'Reworking what is written.' },
  } as const,
})

export const OperationStatus = builder.enumType('OperationStatus', {
  description: 'How an operation stands.',
  values: {
    PENDING: { value: 'pending', description: 'It has not begun.' },
    IN_PROGRESS: { value: 'in_progress', description: 'It is under way.' },
    COMPLETED: { value: 'completed', description: 'It ended well.' },
    ERROR: { value: 'error', description: 'It failed; the message says why.' },
  } as const,
})

export const ReportState = builder.enumType('ReportState', {
  description: 'How a report as a whole stands. COMPLETED and ERROR are final.',
  values: {
    PENDING: { value: 'pending', description: 'Nothing has begun.' },
    PLANNING: { value: 'planning', description: 'The plan is being made.' },
    WAITING_APPROVAL: { value: 'waiting_approval', description: 'A person must approve the plan.' },
    GENERATING: { value: 'generating', description: 'Blocks are being written.' },
    COMPLETED: { value: 'completed', description: 'The report is finished.' },
    ERROR: { value: 'error', description: 'The report failed; the message says why.' },
  } as const,
})
