import { CodedError } from '../../errors.ts'

/** Why a follower is ended from outside; with the cursor from which its reader can resume. */
export function streamDeleted(streamId: string, cursor: string): CodedError {
  return new CodedError('NOT_FOUND', `Stream ${streamId} no longer exists.`, { cursor })
}

export function tooSlow(cursor: string): CodedError {
  return new CodedError('SLOW_CONSUMER', 'The client left events unread for too long. Resume from extensions.cursor.', {
    cursor,
  })
}
