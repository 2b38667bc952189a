import { Prisma } from '../db/generated/prisma/client.ts'

/** Condition on `api_key`: neither revoked nor expired. The database compares, so no text of a time is ever misread. */
export const IS_VALID_KEY = Prisma.sql`is_valid_key(revoked_at, expires_at)`
