-- What one reading of a clock may decide, and what a removal takes from readers of some types.
-- AlterTable
ALTER TABLE "event_count" ADD COLUMN     "last_removed" BIGINT NOT NULL DEFAULT 0;

-- CreateTable
CREATE TABLE "retention_clock" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "trusted_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "retention_clock_pkey" PRIMARY KEY ("id")
);

ALTER TABLE retention_clock ADD CONSTRAINT retention_clock_is_one CHECK (id = 1);

-- The newest event is the only witness of the time so far: the clock may be wrong now. least passes over nulls.
INSERT INTO retention_clock (trusted_at) SELECT least(clock_timestamp(), max(s.last_at)) FROM stream s;

-- Where events of a type were removed before, the last of them may have been any up to the first one kept.
UPDATE event_count c SET last_removed = s.first - 1 FROM stream s WHERE s.id = c.stream_id AND c.removed > 0;

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
         array_agg(p.i) FILTER (WHERE s.id <> ALL (coalesce(v_locked, '{}'))),
         array_agg(s.last_at ORDER BY p.i),
         -- greatest passes over the null of a stream without events.
         array_agg(greatest(v_now, s.last_at + interval '1 millisecond') ORDER BY p.i)
    INTO heads, held, v_last, v_at
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
        RETURNING e.stream_id, e.seq, e.type, e.created_at
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
      SELECT count(*) INTO v_stored FROM inserted;
      EXIT;
    EXCEPTION WHEN unique_violation THEN
      IF v_looked OR p_times IS NOT NULL THEN RAISE; END IF;
      v_looked := true;
    END;
  END LOOP;
  IF v_stored + cardinality(v_skipped) <> v_expected THEN
    RAISE EXCEPTION 'append stored % of % events', v_stored, v_expected - cardinality(v_skipped) USING ERRCODE = 'data_corrupted';
  END IF;
END $$;

-- Removes the events of a stream that are older than p_before, or that come before the newest p_keep, but none from p_spare on (each may
-- be null), for every reader at once: it raises `first` and the counts of what is removed. Deleting them is left to clear_removed.
-- Waits for the stream like an append. Returns how many were removed.
CREATE OR REPLACE FUNCTION trim_stream(p_stream uuid, p_before timestamptz, p_keep bigint, p_spare bigint) RETURNS bigint
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  v_first bigint;
  v_head bigint;
  v_new bigint;
  v_type text;
  v_removed bigint;
BEGIN
  SELECT s.first, s.head INTO v_first, v_head FROM stream s WHERE s.id = p_stream FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN 0; END IF;
  -- greatest and least pass over nulls.
  v_new := greatest(v_first, v_head - p_keep + 1);
  IF p_before IS NOT NULL THEN v_new := greatest(v_new, event_seq_at(p_stream, p_before)); END IF;
  v_new := least(v_new, p_spare);
  IF v_new <= v_first THEN RETURN 0; END IF;

  FOR v_type IN SELECT c.type FROM event_count c WHERE c.stream_id = p_stream LOOP
    v_removed := event_rank(p_stream, ARRAY[v_type], v_new - 1);
    UPDATE event_count c SET removed = v_removed, last_removed = coalesce((
        SELECT e.seq FROM event e
         WHERE e.stream_id = p_stream AND e.type = v_type AND e.seq >= v_first AND e.seq < v_new ORDER BY e.seq DESC LIMIT 1), c.last_removed)
     WHERE c.stream_id = p_stream AND c.type = v_type;
    INSERT INTO event_mark (stream_id, type, ordinal, seq)
      SELECT p_stream, v_type, v_removed + 1, e.seq FROM event e
       WHERE e.stream_id = p_stream AND e.type = v_type AND e.seq >= v_new ORDER BY e.seq LIMIT 1
      ON CONFLICT DO NOTHING;
  END LOOP;
  UPDATE stream SET first = v_new WHERE id = p_stream;
  RETURN v_new - v_first;
END $$;
