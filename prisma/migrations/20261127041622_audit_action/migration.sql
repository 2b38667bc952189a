-- CreateEnum
CREATE TYPE "audit_action" AS ENUM ('CREATE_ORGANIZATION', 'CREATE_DATASET', 'CREATE_REPORT', 'CREATE_API_KEY', 'REVOKE_API_KEY', 'END_CONNECTION', 'REDACT_EVENT', 'SET_RETENTION');

-- AlterTable
ALTER TABLE "audit_entry" ALTER COLUMN "action" TYPE "audit_action" USING "action"::"audit_action";
