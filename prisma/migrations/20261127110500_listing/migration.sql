-- Datasets, reports and organizations can be listed: by creation, by activity, by the beginning of a name, reports by their state.
-- AlterTable
ALTER TABLE "dataset" ADD COLUMN     "active_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP;

-- AlterTable
ALTER TABLE "report" ADD COLUMN     "active_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
ADD COLUMN     "state" TEXT;

-- The state in the stored text of a state event. The server writes it without spaces and its documented members first, and within a text
-- each quotation mark follows a backslash: so the first match is the member, whatever the message says. Not parsed as JSON: PostgreSQL
-- rejects \u0000 there.
CREATE FUNCTION report_state_in(p_data text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT substring(p_data FROM '"status":"([a-z_]+)"')
$$;

UPDATE dataset d SET active_at = greatest(d.created_at, s.last_at) FROM stream s WHERE s.id = d.id;
UPDATE report r SET active_at = greatest(r.created_at, s.last_at),
       state = (SELECT report_state_in(e.data) FROM event e
                 WHERE e.stream_id = r.id AND e.type = 'report_state_update' ORDER BY e.seq DESC LIMIT 1)
  FROM stream s WHERE s.id = r.id;

-- CreateIndex
CREATE INDEX "dataset_organization_id_created_at_id_idx" ON "dataset"("organization_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "dataset_organization_id_active_at_id_idx" ON "dataset"("organization_id", "active_at", "id");

-- CreateIndex
CREATE INDEX "report_organization_id_created_at_id_idx" ON "report"("organization_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "report_organization_id_active_at_id_idx" ON "report"("organization_id", "active_at", "id");

-- CreateIndex
CREATE INDEX "report_organization_id_state_created_at_id_idx" ON "report"("organization_id", "state", "created_at", "id");

-- CreateIndex
CREATE INDEX "report_organization_id_state_active_at_id_idx" ON "report"("organization_id", "state", "active_at", "id");

-- CreateIndex
CREATE INDEX "organization_created_at_id_idx" ON "organization"("created_at", "id");

-- For the beginnings of names, which the collation of a database may order in any way. Prisma has no indexes of expressions, and ignores
-- these.
CREATE INDEX dataset_name_prefix ON dataset (organization_id, lower(name) text_pattern_ops);
CREATE INDEX dataset_tracking_id_prefix ON dataset (organization_id, lower(tracking_id) text_pattern_ops);
CREATE INDEX report_name_prefix ON report (organization_id, lower(name) text_pattern_ops);
CREATE INDEX organization_name_prefix ON organization (lower(name) text_pattern_ops);

-- The counts of a stream are part of it. Those of streams that no longer exist were of no use.
DELETE FROM event_count c WHERE NOT EXISTS (SELECT FROM stream s WHERE s.id = c.stream_id);

-- AddForeignKey
ALTER TABLE "event_count" ADD CONSTRAINT "event_count_stream_id_fkey" FOREIGN KEY ("stream_id") REFERENCES "stream"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Appends events to streams: all that are new, those of a stream in the given order, in one transaction.
--
-- p_streams: distinct. p_of: for each event, the index (from 1) of its stream in p_streams. The ids of one stream's events must differ
-- within one call. p_times: absent, the events get the time of this append; present, they keep these.
--
-- Locks the streams' rows until commit, so that `seq` is dense and its order is the order of commits. For several streams it does not
-- wait: those locked by another transaction are left out and reported in held (1-based indexes into p_streams), so that no two calls
-- wait for each other. For a single stream it waits a quarter of a second, and fails then.
--
-- An id that its stream already holds is not stored again; it is reported in known_position (1-based index into p_ids), known_seq and
-- known_same (same type, and same text or a redacted one?). An event whose time is before that of the newest of its stream, or more than
-- a second ahead of the clock, is not stored either, and reported in refused_position. Every other event gets the next seq of its stream
-- after heads[its stream]; that is null when there is no such stream, and nothing is stored for it.
-- epoch is the id of the epoch that the call belongs to.
--
-- Also keeps what lists of datasets and reports go by: the state of a report, and at most once in 10 seconds when it was active, so that
-- most appends change no index. Only who holds the lock of the stream changes these rows, so that no append waits for them.
-- Fails, storing nothing, when the table took fewer rows than it was given.
CREATE OR REPLACE FUNCTION append_to_streams(
  p_streams uuid[], p_of integer[], p_ids uuid[], p_types text[], p_data text[], p_times timestamptz[],
  OUT heads bigint[], OUT held integer[], OUT known_position integer[], OUT known_seq bigint[], OUT known_same boolean[],
  OUT refused_position integer[], OUT epoch bigint
) LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  v_now timestamptz;
  v_at timestamptz[];
  v_last timestamptz[];
  v_locked uuid[];
  v_skipped integer[] := '{}';
  v_looked boolean := false;
  v_expected integer;
  v_stored integer;
  v_epoch integer;
  v_active uuid[];
  v_reports uuid[];
  v_states text[];
BEGIN
  IF cardinality(p_streams) = 1 THEN
    PERFORM set_config('lock_timeout', '250ms', true);
    SELECT array_agg(l.id) INTO v_locked FROM (SELECT s.id FROM stream s WHERE s.id = p_streams[1] FOR NO KEY UPDATE) l;
  ELSE
    SELECT array_agg(l.id) INTO v_locked
      FROM (SELECT s.id FROM stream s WHERE s.id = ANY (p_streams) FOR NO KEY UPDATE SKIP LOCKED) l;
  END IF;
  -- After the lock: rows put back while this waited have begun an epoch.
  v_epoch := current_epoch();
  SELECT e.id INTO epoch FROM epoch e WHERE e.number = v_epoch;

  -- At least a millisecond after the append before it, however far that is ahead of the clock: "later than the newest time seen" then
  -- misses nothing, because events of the same time were committed together. A stream of more than a thousand appends a second runs
  -- ahead of the clock, and one whose clock was set back goes on a millisecond at a time until the clock has caught up.
  v_now := date_trunc('milliseconds', clock_timestamp());
  SELECT array_agg(CASE WHEN s.id = ANY (v_locked) THEN s.head END ORDER BY p.i),
         -- A stream that does not exist is held by nothing; compared with an empty array, its null would be.
         array_agg(p.i) FILTER (WHERE s.id IS NOT NULL AND s.id <> ALL (coalesce(v_locked, '{}'))),
         array_agg(s.last_at ORDER BY p.i),
         -- greatest passes over the null of a stream without events.
         array_agg(greatest(v_now, s.last_at + interval '1 millisecond') ORDER BY p.i),
         array_agg(s.id) FILTER (WHERE s.id = ANY (v_locked)
           AND (p_times IS NOT NULL OR s.last_at IS NULL OR floor(extract(epoch FROM s.last_at) / 10)
                  < floor(extract(epoch FROM greatest(v_now, s.last_at + interval '1 millisecond')) / 10)))
    INTO heads, held, v_last, v_at, v_active
    FROM unnest(p_streams) WITH ORDINALITY AS p(id, i) LEFT JOIN stream s ON s.id = p.id;
  SELECT count(*) INTO v_expected FROM unnest(p_of) AS n(i) WHERE heads[n.i] IS NOT NULL;

  -- Most appends hold nothing that is known. So that is only looked for when an index has refused one; before, where times are given,
  -- because what is known already may have any.
  LOOP
    IF v_looked OR p_times IS NOT NULL THEN
      SELECT array_agg(n.position), array_agg(e.seq), array_agg(e.type = n.type AND (e.data = n.data OR e.redacted))
        INTO known_position, known_seq, known_same
        FROM unnest(p_of, p_ids, p_types, p_data) WITH ORDINALITY AS n(i, id, type, data, position)
        -- One index probe an id, whatever the planner believes of the table: joined freely, it may read the whole stream.
        CROSS JOIN LATERAL (
          SELECT x.seq, x.type, x.data, x.redacted_at IS NOT NULL AS redacted FROM event x
           WHERE x.stream_id = p_streams[n.i] AND x.id = n.id LIMIT 1) e
       WHERE heads[n.i] IS NOT NULL;
      v_skipped := coalesce(known_position, '{}');
    END IF;
    IF p_times IS NOT NULL THEN
      SELECT array_agg(t.position) INTO refused_position
        FROM (SELECT n.position, n.at, v_last[n.i] AS last,
                     -- An event refused because it is of the future holds up no other.
                     max(n.at) FILTER (WHERE n.at <= v_now + interval '1 second') OVER (
                       PARTITION BY n.i ORDER BY n.position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
                FROM unnest(p_of, p_times) WITH ORDINALITY AS n(i, at, position)
               WHERE heads[n.i] IS NOT NULL AND n.position <> ALL (v_skipped)) t
       WHERE t.at < t.last OR t.at < t.before OR t.at > v_now + interval '1 second';
      v_skipped := v_skipped || coalesce(refused_position, '{}');
    END IF;

    BEGIN
      WITH inserted AS (
        INSERT INTO event AS e (stream_id, seq, id, type, created_at, data)
          SELECT p_streams[n.i], heads[n.i] + row_number() OVER (PARTITION BY n.i ORDER BY n.position), n.id, n.type,
                 CASE WHEN p_times IS NULL THEN v_at[n.i] ELSE p_times[n.position] END, n.data
            FROM unnest(p_of, p_ids, p_types, p_data) WITH ORDINALITY AS n(i, id, type, data, position)
           WHERE heads[n.i] IS NOT NULL AND n.position <> ALL (v_skipped)
        RETURNING e.stream_id, e.seq, e.type, e.created_at,
                  CASE WHEN e.type = 'report_state_update' THEN report_state_in(e.data) END AS state
      ), advanced AS (
        UPDATE stream s SET head = s.head + i.added, last_at = i.last_at, epoch_number = v_epoch
          FROM (SELECT stream_id, count(*) AS added, max(created_at) AS last_at FROM inserted GROUP BY stream_id) i
         WHERE s.id = i.stream_id
      ), began AS (
        INSERT INTO stream_epoch (stream_id, epoch_number, start)
          SELECT i.stream_id, v_epoch, min(i.seq) FROM inserted i JOIN stream s ON s.id = i.stream_id
           WHERE s.epoch_number IS DISTINCT FROM v_epoch GROUP BY i.stream_id
        ON CONFLICT (stream_id, epoch_number) DO NOTHING
      ), counted AS (
        INSERT INTO event_count AS c (stream_id, type, n)
          SELECT stream_id, type, count(*) FROM inserted GROUP BY stream_id, type
        ON CONFLICT (stream_id, type) DO UPDATE SET n = c.n + excluded.n
        RETURNING c.stream_id, c.type, c.n, c.removed
      ), marked AS (
        -- Ordinals 1, 33, 65, … of a type, and the first that is kept after all before it were removed.
        INSERT INTO event_mark (stream_id, type, ordinal, seq)
          SELECT o.stream_id, o.type, o.ordinal, o.seq
            FROM (SELECT i.stream_id, i.type, i.seq, c.removed, c.n - count(*) OVER (PARTITION BY i.stream_id, i.type)
                           + row_number() OVER (PARTITION BY i.stream_id, i.type ORDER BY i.seq) AS ordinal
                    FROM inserted i JOIN counted c USING (stream_id, type)) o
           WHERE o.ordinal % 32 = 1 OR o.ordinal = o.removed + 1
      )
      SELECT count(*), array_agg(i.stream_id ORDER BY i.seq) FILTER (WHERE i.state IS NOT NULL),
             array_agg(i.state ORDER BY i.seq) FILTER (WHERE i.state IS NOT NULL)
        INTO v_stored, v_reports, v_states FROM inserted i;
      EXIT;
    EXCEPTION WHEN unique_violation THEN
      IF v_looked OR p_times IS NOT NULL THEN RAISE; END IF;
      v_looked := true;
    END;
  END LOOP;
  IF v_stored + cardinality(v_skipped) <> v_expected THEN
    RAISE EXCEPTION 'append stored % of % events', v_stored, v_expected - cardinality(v_skipped) USING ERRCODE = 'data_corrupted';
  END IF;
  -- An append to datasets does not wait for a lock on the table of reports, and the reverse.
  IF EXISTS (SELECT FROM stream s WHERE s.id = ANY (v_active) AND s.kind = 'DATASET') THEN
    UPDATE dataset d SET active_at = s.last_at FROM stream s
     WHERE d.id = ANY (v_active) AND s.id = d.id AND s.last_at > d.active_at;
  END IF;
  IF EXISTS (SELECT FROM stream s WHERE s.id = ANY (v_active) AND s.kind = 'REPORT') THEN
    UPDATE report r SET active_at = s.last_at FROM stream s
     WHERE r.id = ANY (v_active) AND s.id = r.id AND s.last_at > r.active_at;
  END IF;
  IF v_reports IS NOT NULL THEN
    UPDATE report r SET state = n.state
      FROM (SELECT DISTINCT ON (t.id) t.id, t.state FROM unnest(v_reports, v_states) WITH ORDINALITY AS t(id, state, i)
             ORDER BY t.id, t.i DESC) n
     WHERE r.id = n.id;
  END IF;
END $$;
