-- Whose a row is, and of which kind, is held by keys: a row that refers to another names its organization along with its id.

-- CreateEnum
CREATE TYPE "audit_subject_kind" AS ENUM ('ORGANIZATION', 'DATASET', 'REPORT', 'API_KEY', 'EVENT', 'LIVE_CONNECTION');

-- A stream belongs to the organization of its dataset or report. One that has neither was never reachable.
ALTER TABLE "stream" ADD COLUMN     "organization_id" UUID;
UPDATE "stream" s SET "organization_id" = d."organization_id" FROM "dataset" d WHERE d."id" = s."id";
UPDATE "stream" s SET "organization_id" = r."organization_id" FROM "report" r WHERE r."id" = s."id";
DELETE FROM "stream" WHERE "organization_id" IS NULL;
ALTER TABLE "stream" ALTER COLUMN "organization_id" SET NOT NULL;

-- CreateIndex
CREATE UNIQUE INDEX "stream_organization_id_id_key" ON "stream"("organization_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "stream_organization_id_id_kind_key" ON "stream"("organization_id", "id", "kind");

-- AddForeignKey
ALTER TABLE "stream" ADD CONSTRAINT "stream_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- A dataset's stream is of kind DATASET, a report's of kind REPORT, and both are of the same organization.
ALTER TABLE "dataset" DROP CONSTRAINT "dataset_id_fkey";
ALTER TABLE "dataset" ADD COLUMN     "kind" "stream_kind" NOT NULL DEFAULT 'DATASET';
ALTER TABLE "dataset" ADD CONSTRAINT "dataset_kind_check" CHECK ("kind" = 'DATASET');
ALTER TABLE "report" DROP CONSTRAINT "report_id_fkey";
ALTER TABLE "report" ADD COLUMN     "kind" "stream_kind" NOT NULL DEFAULT 'REPORT';
ALTER TABLE "report" ADD CONSTRAINT "report_kind_check" CHECK ("kind" = 'REPORT');

-- CreateIndex
CREATE UNIQUE INDEX "dataset_organization_id_id_kind_key" ON "dataset"("organization_id", "id", "kind");

-- CreateIndex
CREATE UNIQUE INDEX "report_organization_id_id_kind_key" ON "report"("organization_id", "id", "kind");

-- DropIndex
DROP INDEX "report_organization_id_idx";

-- AddForeignKey
ALTER TABLE "dataset" ADD CONSTRAINT "dataset_organization_id_id_kind_fkey" FOREIGN KEY ("organization_id", "id", "kind") REFERENCES "stream"("organization_id", "id", "kind") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "report" ADD CONSTRAINT "report_organization_id_id_kind_fkey" FOREIGN KEY ("organization_id", "id", "kind") REFERENCES "stream"("organization_id", "id", "kind") ON DELETE RESTRICT ON UPDATE CASCADE;

-- A tracking id that Trieve's clients would send as an id never led to its dataset there. The forms are those of src/uuid-text.ts.
UPDATE "dataset" SET "tracking_id" = NULL WHERE "tracking_id" ~ '^([0-9a-fA-F]{32}|(urn:uuid:)?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\{[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\})$';
ALTER TABLE "dataset" ADD CONSTRAINT "dataset_tracking_id_check" CHECK ("tracking_id" !~ '^([0-9a-fA-F]{32}|(urn:uuid:)?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\{[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\})$');

-- The id of an organization and that of a stream are never the same: each may be chosen, and clients send both.
CREATE FUNCTION keep_ids_apart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- Of two transactions that take the same id at the same time, the second waits and then sees the row of the first.
  PERFORM pg_advisory_xact_lock(hashtextextended(NEW.id::text, 0));
  IF (TG_TABLE_NAME = 'stream' AND EXISTS (SELECT FROM organization o WHERE o.id = NEW.id))
     OR (TG_TABLE_NAME = 'organization' AND EXISTS (SELECT FROM stream s WHERE s.id = NEW.id)) THEN
    RAISE unique_violation USING MESSAGE = format('the id %s is taken', NEW.id);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "stream_id_apart" BEFORE INSERT OR UPDATE OF "id" ON "stream" FOR EACH ROW EXECUTE FUNCTION keep_ids_apart();
CREATE TRIGGER "organization_id_apart" BEFORE INSERT OR UPDATE OF "id" ON "organization" FOR EACH ROW EXECUTE FUNCTION keep_ids_apart();

-- CreateTable
CREATE TABLE "organization_retention" (
    "organization_id" UUID NOT NULL,
    "max_age_seconds" INTEGER,
    "max_events" BIGINT,

    CONSTRAINT "organization_retention_pkey" PRIMARY KEY ("organization_id")
);

-- CreateTable
CREATE TABLE "stream_retention" (
    "stream_id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "max_age_seconds" INTEGER,
    "max_events" BIGINT,

    CONSTRAINT "stream_retention_pkey" PRIMARY KEY ("organization_id","stream_id")
);

-- Policies move to what they are for. One is dropped whose organization is not that of its subject, and one under whose id another
-- organization has ever set a policy: the row was shared, so its values may be that organization's.
DELETE FROM "retention" r USING "audit_entry" a
 WHERE a."action" = 'SET_RETENTION' AND a."subject_id" = r."subject_id" AND a."organization_id" <> r."organization_id";
INSERT INTO "organization_retention" ("organization_id", "max_age_seconds", "max_events")
  SELECT o."id", r."max_age_seconds", r."max_events"
    FROM "retention" r JOIN "organization" o ON o."id" = r."organization_id" AND o."id" = r."subject_id";
INSERT INTO "stream_retention" ("organization_id", "stream_id", "max_age_seconds", "max_events")
  SELECT s."organization_id", s."id", r."max_age_seconds", r."max_events"
    FROM "retention" r JOIN "stream" s ON s."organization_id" = r."organization_id" AND s."id" = r."subject_id"
   WHERE r."subject_id" <> r."organization_id";

-- DropTable
DROP TABLE "retention";

-- AddForeignKey
ALTER TABLE "organization_retention" ADD CONSTRAINT "organization_retention_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "stream_retention" ADD CONSTRAINT "stream_retention_organization_id_stream_id_fkey" FOREIGN KEY ("organization_id", "stream_id") REFERENCES "stream"("organization_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- The kind of an audit entry's subject follows from its action, but for a policy: there it is what has the id in the organization.
ALTER TABLE "audit_entry" ADD COLUMN     "subject_kind" "audit_subject_kind";
UPDATE "audit_entry" a SET "subject_kind" = CASE a."action"
    WHEN 'CREATE_ORGANIZATION' THEN 'ORGANIZATION'
    WHEN 'CREATE_DATASET' THEN 'DATASET'
    WHEN 'CREATE_REPORT' THEN 'REPORT'
    WHEN 'CREATE_API_KEY' THEN 'API_KEY'
    WHEN 'REVOKE_API_KEY' THEN 'API_KEY'
    WHEN 'REDACT_EVENT' THEN 'EVENT'
    WHEN 'END_CONNECTION' THEN 'LIVE_CONNECTION'
    ELSE CASE
      WHEN a."subject_id" = a."organization_id" THEN 'ORGANIZATION'
      WHEN EXISTS (SELECT FROM "report" r WHERE r."organization_id" = a."organization_id" AND r."id" = a."subject_id") THEN 'REPORT'
      ELSE 'DATASET' END
  END::"audit_subject_kind";
ALTER TABLE "audit_entry" ALTER COLUMN "subject_kind" SET NOT NULL;

-- CreateIndex
CREATE UNIQUE INDEX "api_key_organization_id_id_key" ON "api_key"("organization_id", "id");

-- DropIndex
DROP INDEX "api_key_organization_id_idx";

-- A live connection is to a stream of its organization, by a key of its organization. Nodes write those that are open again.
DELETE FROM "live_connection" c
 WHERE NOT EXISTS (SELECT FROM "stream" s WHERE s."organization_id" = c."organization_id" AND s."id" = c."stream_id")
    OR (c."api_key_id" IS NOT NULL
        AND NOT EXISTS (SELECT FROM "api_key" k WHERE k."organization_id" = c."organization_id" AND k."id" = c."api_key_id"));

-- AddForeignKey
ALTER TABLE "live_connection" ADD CONSTRAINT "live_connection_organization_id_stream_id_fkey" FOREIGN KEY ("organization_id", "stream_id") REFERENCES "stream"("organization_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "live_connection" ADD CONSTRAINT "live_connection_organization_id_api_key_id_fkey" FOREIGN KEY ("organization_id", "api_key_id") REFERENCES "api_key"("organization_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;
