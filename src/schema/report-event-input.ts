import { v7 } from 'uuid'
import { z } from 'zod'
import { CodedError } from '../errors.ts'
import { jsonObject, text } from '../lib/text.ts'
import type { NewEvent } from '../log/event.ts'
import { payloadOf } from '../log/payload.ts'
import { BLOCK_MESSAGE, MAX_SOURCES_AT_ONCE } from '../log/report/report-data.ts'
import type { ReportEventData } from '../log/report/report-event.ts'
import { builder } from './builder.ts'
import { ReportBlockInput, toBlock } from './report-block.ts'
import { OperationStatus, ReportOperation, ReportState } from './report-enums.ts'

const id = {
  type: 'UUID',
  description: 'Makes recording idempotent: a retry with the same id is stored once. Made by the server when left out.',
} as const

const ProgressEventInput = builder.inputType('ProgressEventInput', {
  description: 'An operation of the workflow has come this far.',
  fields: (t) => ({
    id: t.field(id),
    groupId: t.field({ type: 'UUID', description: 'The same for all events of one operation.' }),
    variant: t.field({ type: ReportOperation, required: true, description: 'Which operation.' }),
    message: t.string({ required: true, validate: text, description: 'What to tell the reader.' }),
    progress: t.float({ validate: z.number().min(0).max(1), description: 'How far, from 0 to 1.' }),
    status: t.field({ type: OperationStatus, defaultValue: 'pending', description: 'How the operation stands.' }),
    extraDetail: t.field({
      type: 'JSON',
      validate: jsonObject,
      description: 'An object of further details for the reader.',
    }),
  }),
})

const BlockUpdateEventInput = builder.inputType('BlockUpdateEventInput', {
  description: 'A block of the report was written, or written anew.',
  fields: (t) => ({
    id: t.field(id),
    message: t.string({ validate: text, defaultValue: BLOCK_MESSAGE, description: 'What to tell the reader.' }),
    block: t.field({ type: ReportBlockInput, required: true, description: 'The block as it is from now on.' }),
  }),
})

const StateEventInput = builder.inputType('StateEventInput', {
  description: 'The report as a whole entered a state.',
  fields: (t) => ({
    id: t.field(id),
    message: t.string({ required: true, validate: text, description: 'What to tell the reader.' }),
    state: t.field({ type: ReportState, required: true, description: 'The state from now on.' }),
  }),
})

export const ReportEventInput = builder.inputType('ReportEventInput', {
  description: 'A report event to record: exactly one of its kinds.',
  isOneOf: true,
  fields: (t) => ({
    progress: t.field({ type: ProgressEventInput, description: 'A ProgressEvent.' }),
    blockUpdate: t.field({ type: BlockUpdateEventInput, description: 'A BlockUpdateEvent.' }),
    state: t.field({ type: StateEventInput, description: 'A StateEvent.' }),
  }),
})

type Input = typeof ReportEventInput.$inferInput

/** Limits the sources of one append before any event is built. @throws CodedError BAD_USER_INPUT. */
export function checkSources(inputs: readonly Input[]): void {
  const count = inputs.reduce((sum, { blockUpdate }) => sum + (blockUpdate?.block.sources?.length ?? 0), 0)
  if (count <= MAX_SOURCES_AT_ONCE) return
  const message = `One call records at most ${MAX_SOURCES_AT_ONCE} sources; this one has ${count}.`
  throw new CodedError('BAD_USER_INPUT', message)
}

/** @param index position in the record call, for messages. */
export function toNewEvent(input: Input, index: number): NewEvent {
  const { progress, blockUpdate, state } = input
  const id = progress?.id ?? blockUpdate?.id ?? state?.id ?? v7()
  const data = toData(input, id)
  return { id, type: data.type, data: payloadOf(data, `events[${index}]`) }
}

function toData({ progress, blockUpdate, state }: Input, id: string): ReportEventData {
  if (progress) {
    return {
      group_id: progress.groupId ?? null,
      type: 'progress',
      variant: progress.variant,
      msg: progress.message,
      progress: progress.progress ?? null,
      status: progress.status ?? 'pending',
      extra_detail: (progress.extraDetail ?? null) as Record<string, unknown> | null,
    }
  }
  if (blockUpdate) {
    return {
      type: 'report_block_update',
      msg: blockUpdate.message ?? BLOCK_MESSAGE,
      block: toBlock(blockUpdate.block, id),
    }
  }
  if (state) return { type: 'report_state_update', msg: state.message, status: state.state }
  throw new CodedError('BAD_USER_INPUT', 'A report event is one of progress, blockUpdate and state.')
}
