-- Datasets, reports and organizations can be changed and deleted.
-- AlterEnum
ALTER TYPE "audit_action" ADD VALUE 'UPDATE_ORGANIZATION';
ALTER TYPE "audit_action" ADD VALUE 'UPDATE_DATASET';
ALTER TYPE "audit_action" ADD VALUE 'UPDATE_REPORT';
ALTER TYPE "audit_action" ADD VALUE 'DELETE_ORGANIZATION';
ALTER TYPE "audit_action" ADD VALUE 'DELETE_DATASET';
ALTER TYPE "audit_action" ADD VALUE 'DELETE_REPORT';

-- CreateTable
CREATE TABLE "deletion" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "kind" "audit_subject_kind" NOT NULL,
    "deleted_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "types" TEXT[],
    "head" BIGINT NOT NULL DEFAULT 0,
    "cleared" BIGINT NOT NULL DEFAULT 1,
    "cleared_at" TIMESTAMPTZ(3),

    CONSTRAINT "deletion_pkey" PRIMARY KEY ("id")
);

-- Few of all that there ever were. Prisma has no partial indexes, and ignores this one.
CREATE INDEX deletion_uncleared ON deletion (id) WHERE cleared_at IS NULL;

-- The id of what was deleted is not used again. After the insert, and not before: one that has waited for the deletion of the row with
-- the same id sees it only then.
CREATE FUNCTION keep_deleted_ids() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM deletion d WHERE d.id = NEW.id) THEN
    RAISE unique_violation USING MESSAGE = format('the id %s is taken', NEW.id);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER "stream_id_kept" AFTER INSERT OR UPDATE OF "id" ON "stream" FOR EACH ROW EXECUTE FUNCTION keep_deleted_ids();
CREATE TRIGGER "organization_id_kept" AFTER INSERT OR UPDATE OF "id" ON "organization" FOR EACH ROW EXECUTE FUNCTION keep_deleted_ids();

-- Deletes streams of an organization, or all for null, with their datasets and reports: for every reader from the commit on, because each
-- read goes by the row of the stream. Waits for appends in progress; later ones find no stream. Their events are left to clear_deleted.
-- Returns the ids of those that there were.
CREATE FUNCTION delete_streams(p_organization uuid, p_streams uuid[]) RETURNS uuid[]
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  v_ids uuid[];
BEGIN
  SELECT coalesce(array_agg(l.id), '{}') INTO v_ids FROM (
    SELECT s.id FROM stream s
     WHERE s.organization_id = p_organization AND (p_streams IS NULL OR s.id = ANY (p_streams)) ORDER BY s.id FOR UPDATE) l;
  INSERT INTO deletion (id, organization_id, kind, types, head, cleared)
    SELECT s.id, s.organization_id, s.kind::text::audit_subject_kind,
           ARRAY(SELECT c.type FROM event_count c WHERE c.stream_id = s.id), s.head, s.cleared
      FROM stream s WHERE s.id = ANY (v_ids);
  DELETE FROM dataset d WHERE d.organization_id = p_organization AND d.id = ANY (v_ids);
  DELETE FROM report r WHERE r.organization_id = p_organization AND r.id = ANY (v_ids);
  DELETE FROM stream s WHERE s.id = ANY (v_ids);
  RETURN v_ids;
END $$;

-- Deletes up to p_limit events of a stream that was deleted, or entries of the audit log of an organization, of which that of its
-- deletion stays. Returns how many positions or entries may be left. Two calls at the same time, and one that is broken off, do no harm.
CREATE FUNCTION clear_deleted(p_id uuid, p_limit integer) RETURNS bigint
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  d deletion;
  v_to bigint;
  v_deleted bigint;
BEGIN
  SELECT * INTO d FROM deletion WHERE id = p_id AND cleared_at IS NULL FOR UPDATE;
  IF NOT FOUND THEN RETURN 0; END IF;
  IF d.kind = 'ORGANIZATION' THEN
    DELETE FROM audit_entry a WHERE a.organization_id = p_id AND a.id = ANY (ARRAY(
      SELECT x.id FROM audit_entry x WHERE x.organization_id = p_id AND x.action <> 'DELETE_ORGANIZATION' ORDER BY x.id LIMIT p_limit));
    GET DIAGNOSTICS v_deleted = ROW_COUNT;
    IF v_deleted = 0 THEN UPDATE deletion SET cleared_at = clock_timestamp() WHERE id = p_id; END IF;
    RETURN v_deleted;
  END IF;
  v_to := least(d.cleared + p_limit, d.head + 1);
  DELETE FROM event e WHERE e.stream_id = p_id AND e.seq >= d.cleared AND e.seq < v_to;
  DELETE FROM event_mark k WHERE k.stream_id = p_id AND k.type = ANY (d.types) AND k.seq >= d.cleared AND k.seq < v_to;
  UPDATE deletion SET cleared = v_to, cleared_at = CASE WHEN v_to > d.head THEN clock_timestamp() END WHERE id = p_id;
  RETURN d.head + 1 - v_to;
END $$;
