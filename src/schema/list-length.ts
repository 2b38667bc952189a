import { z } from 'zod'

/** How many of a list to give, for an argument of type Int, as `validate`. */
export const listLength = z.number().min(1, 'must be 1 to 1,000').max(1_000, 'must be 1 to 1,000')
