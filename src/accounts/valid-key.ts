import { Prisma } from '../db/generated/prisma/client.ts'

/** Condition on `api_key`: neither revoked nor expired. The database compares, so no text of a time is ever misread. */
export const IS_VALID_KEY = Prisma.sql`revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`
