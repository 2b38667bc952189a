import { name } from './text.ts'
import { readUuid } from './uuid-text.ts'

export const trackingId = name.refine(
  (value) => !('uuid' in readUuid(value)),
  'must not be a UUID in any notation, because clients use those as ids',
)
