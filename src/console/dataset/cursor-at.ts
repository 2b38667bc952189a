import { ApiError } from '../api/api-error.ts'
import { request } from '../api/request.ts'
import { CURSOR_AT } from './documents.ts'

/** The cursor just after a position of a dataset. @throws ApiError. */
export async function cursorAt(id: string, seq: number): Promise<string> {
  const { dataset } = await request(CURSOR_AT, { id, seq })
  if (!dataset) throw new ApiError('This dataset does not exist, or the key cannot access it.', 'NOT_FOUND')
  return dataset.cursorAt
}
