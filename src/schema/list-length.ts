import { z } from 'zod'

/** `validate` of an Int argument that limits a list. */
export const listLength = z.number().min(1, 'must be 1 to 1,000').max(1_000, 'must be 1 to 1,000')
