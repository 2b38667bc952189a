-- AlterTable
ALTER TABLE "event" ADD COLUMN     "redacted_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "event_count" ADD COLUMN     "removed" BIGINT NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "stream" ADD COLUMN     "cleared" BIGINT NOT NULL DEFAULT 1,
ADD COLUMN     "first" BIGINT NOT NULL DEFAULT 1,
ADD COLUMN     "redactions" INTEGER NOT NULL DEFAULT 0;

-- CreateTable
CREATE TABLE "retention" (
    "subject_id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "max_age_seconds" INTEGER,
    "max_events" BIGINT,

    CONSTRAINT "retention_pkey" PRIMARY KEY ("subject_id")
);

-- CreateIndex
CREATE INDEX "retention_organization_id_idx" ON "retention"("organization_id");
