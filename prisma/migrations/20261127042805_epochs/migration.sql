-- A cursor names a position in a history; epochs tell histories apart that share their beginning.
-- AlterTable
ALTER TABLE "stream" ADD COLUMN     "epoch_number" INTEGER;

-- CreateTable
CREATE TABLE "epoch" (
    "number" SERIAL NOT NULL,
    "id" BIGINT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "epoch_pkey" PRIMARY KEY ("number")
);

-- CreateTable
CREATE TABLE "stream_epoch" (
    "stream_id" UUID NOT NULL,
    "epoch_number" INTEGER NOT NULL,
    "start" BIGINT NOT NULL,

    CONSTRAINT "stream_epoch_pkey" PRIMARY KEY ("stream_id","epoch_number")
);

-- CreateIndex
CREATE UNIQUE INDEX "epoch_id_key" ON "epoch"("id");

-- CreateIndex
CREATE UNIQUE INDEX "epoch_fingerprint_key" ON "epoch"("fingerprint");

-- AddForeignKey
ALTER TABLE "stream" ADD CONSTRAINT "stream_epoch_number_fkey" FOREIGN KEY ("epoch_number") REFERENCES "epoch"("number") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "stream_epoch" ADD CONSTRAINT "stream_epoch_stream_id_fkey" FOREIGN KEY ("stream_id") REFERENCES "stream"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "stream_epoch" ADD CONSTRAINT "stream_epoch_epoch_number_fkey" FOREIGN KEY ("epoch_number") REFERENCES "epoch"("number") ON DELETE RESTRICT ON UPDATE CASCADE;

-- What changes whenever positions of this database might be assigned a second time: its server was started anew (a restart, a
-- failover, files put back, a point in time), the database or the table was made anew (a dump restored). Restarts change it without
-- need, and cost a row. What it cannot tell: rows that were put back into the same table, for which restore_epoch is.
CREATE FUNCTION history_fingerprint() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT concat_ws('/', extract(epoch FROM pg_postmaster_start_time()),
                        (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()), 'event'::regclass::oid)
$$;

-- The number of the epoch that this moment belongs to, which begins now when there is none.
CREATE FUNCTION current_epoch() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  v_fingerprint text := history_fingerprint();
  v_number integer;
BEGIN
  SELECT e.number INTO v_number FROM epoch e WHERE e.fingerprint = v_fingerprint;
  IF v_number IS NULL THEN
    -- 48 bits, as many as a cursor has for it; 0 and the last one mean something else there.
    INSERT INTO epoch (id, fingerprint) VALUES (1 + floor(random() * 281474976710654)::bigint, v_fingerprint)
      ON CONFLICT (fingerprint) DO NOTHING;
    SELECT e.number INTO v_number FROM epoch e WHERE e.fingerprint = v_fingerprint;
  END IF;
  RETURN v_number;
END $$;

-- Begins a new epoch, though nothing shows that the history changed. Returns its number.
CREATE FUNCTION restore_epoch() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  UPDATE epoch SET fingerprint = concat_ws('/', fingerprint, 'ended', clock_timestamp()) WHERE fingerprint = history_fingerprint();
  RETURN current_epoch();
END $$;

DROP FUNCTION append_to_streams(uuid[], integer[], uuid[], text[], text[], timestamptz[]);

-- Appends events to streams: all that are new, those of a stream in the given order, in one transaction.
--
-- p_streams: distinct. p_of: for each event, the index (from 1) of its stream in p_streams. The ids of one stream's events must differ
-- within one call. p_times: absent, the events get the time of this append; present, they keep these.
--
-- Locks the streams' rows until commit, so that `seq` is dense and its order is the order of commits. For several it does not wait:
-- those that somebody else has locked are left out and reported in held (1-based indexes into p_streams), so that two calls never wait
-- for each other, and nobody for a stream that is not his. For one it waits a quarter of a second, and fails then.
--
-- An id that its stream already holds is not stored again; it is reported in known_position (1-based index into p_ids), known_seq and
-- known_same (same type, and same text or a redacted one?). An event whose time is before that of the newest of its stream, or more than
-- a second ahead of the clock, is not stored either, and reported in refused_position. Every other event gets the next seq of its stream
-- after heads[its stream]; that is null when there is no such stream, and nothing is stored for it.
-- epoch is the id of the epoch that the call belongs to.
-- Fails, storing nothing, when the table took fewer rows than it was given.
CREATE FUNCTION append_to_streams(
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
  -- After the lock: whoever put rows back while this waited has begun an epoch.
  v_epoch := current_epoch();
  SELECT e.id INTO epoch FROM epoch e WHERE e.number = v_epoch;

  -- One millisecond past the append before it: a reader that asks for "later than the newest time I have" then misses nothing,
  -- because whatever shares that time was committed together with what it has. A stream that takes more than a thousand appends a
  -- second for long runs ahead of the clock by a second at most, and has several with the same time then. Where the clock is further
  -- behind, it was set back: times go on by a millisecond each.
  v_now := date_trunc('milliseconds', clock_timestamp());
  SELECT array_agg(CASE WHEN s.id = ANY (v_locked) THEN s.head END ORDER BY p.i),
         array_agg(p.i) FILTER (WHERE s.id <> ALL (coalesce(v_locked, '{}'))),
         array_agg(s.last_at ORDER BY p.i),
         array_agg(CASE
           WHEN s.last_at IS NULL OR s.last_at < v_now THEN v_now
           WHEN s.last_at > v_now + interval '999 milliseconds' AND s.last_at <= v_now + interval '1 second' THEN s.last_at
           ELSE s.last_at + interval '1 millisecond' END ORDER BY p.i)
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
                     -- What is refused because it is of the future holds up nobody.
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
