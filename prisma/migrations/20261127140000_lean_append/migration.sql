-- An append plans its statements once in a session, and runs fewer of them.

-- In PL/pgSQL, which keeps the plan: the SQL function was parsed and planned at each call.
CREATE OR REPLACE FUNCTION history_fingerprint() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN concat_ws('/', extract(epoch FROM pg_postmaster_start_time()),
                        (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()), 'event'::regclass::oid);
END $$;

-- Appends events to streams: all that are new, those of a stream in the given order, in one transaction.
--
-- p_streams: distinct; nothing is stored if it is empty. p_of: for each event, the index (from 1) of its stream in p_streams. The ids of one stream's events must differ
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
--
-- Its plans are made for any values and any size of the tables, and kept: each table is searched by its index from the first call on,
-- while it is small, and no statement joins it with another, which could read all of it.
CREATE OR REPLACE FUNCTION append_to_streams(
  p_streams uuid[], p_of integer[], p_ids uuid[], p_types text[], p_data text[], p_times timestamptz[],
  OUT heads bigint[], OUT held integer[], OUT known_position integer[], OUT known_seq bigint[], OUT known_same boolean[],
  OUT refused_position integer[], OUT epoch bigint
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  v_one CONSTANT boolean := cardinality(p_streams) = 1;
  -- Of each stream, as p_streams.
  v_last timestamptz[];
  v_epochs integer[];
  v_at timestamptz[];
  v_added bigint[];
  -- Of each event, its place among those of its stream; null for one stream.
  v_places bigint[];
  v_epoch integer;
  v_now timestamptz;
  v_looked boolean;
  v_skipped integer[];
  v_stored integer;
  v_active uuid[];
  v_fingerprint text;
  v_n bigint;
  v_removed bigint;
BEGIN
  IF cardinality(p_streams) = 0 THEN RETURN; END IF;
  -- A locking SELECT returns the row as it is once it is locked.
  IF v_one THEN
    SELECT ARRAY[s.head], ARRAY[s.last_at], ARRAY[coalesce(s.epoch_number, 0)] INTO heads, v_last, v_epochs
      FROM stream s WHERE s.id = p_streams[1] FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
      PERFORM set_config('lock_timeout', '250ms', true);
      SELECT ARRAY[s.head], ARRAY[s.last_at], ARRAY[coalesce(s.epoch_number, 0)] INTO heads, v_last, v_epochs
        FROM stream s WHERE s.id = p_streams[1] FOR NO KEY UPDATE;
      IF NOT FOUND THEN heads := ARRAY[NULL::bigint]; END IF;
    END IF;
  ELSE
    SELECT array_agg(l.head ORDER BY p.i), array_agg(l.last_at ORDER BY p.i), array_agg(coalesce(l.epoch_number, 0) ORDER BY p.i)
      INTO heads, v_last, v_epochs
      FROM unnest(p_streams) WITH ORDINALITY AS p(id, i)
      LEFT JOIN (SELECT s.id, s.head, s.last_at, s.epoch_number FROM stream s WHERE s.id = ANY (p_streams)
                    FOR NO KEY UPDATE SKIP LOCKED) l ON l.id = p.id;
  END IF;
  -- After the lock: rows put back while this waited have begun an epoch.
  v_fingerprint := history_fingerprint();
  SELECT e.number, e.id INTO v_epoch, epoch FROM epoch e WHERE e.fingerprint = v_fingerprint;
  IF NOT FOUND THEN
    v_epoch := current_epoch();
    SELECT e.id INTO epoch FROM epoch e WHERE e.number = v_epoch;
  END IF;
  v_now := date_trunc('milliseconds', clock_timestamp());
  v_looked := p_times IS NOT NULL OR array_position(heads, NULL) IS NOT NULL;

  -- Most appends hold nothing that is known. So that is only looked for when an index has refused one; before, where something else is
  -- left out, or where times are given, because what is known already may have any.
  LOOP
    IF v_looked THEN
      SELECT array_agg(array_position(p_streams, s.id)) INTO held
        FROM stream s WHERE NOT v_one AND s.id = ANY (p_streams) AND heads[array_position(p_streams, s.id)] IS NULL;
      SELECT array_agg(n.position), array_agg(e.seq), array_agg(e.type = n.type AND (e.data = n.data OR e.redacted))
        INTO known_position, known_seq, known_same
        FROM unnest(p_of, p_ids, p_types, p_data) WITH ORDINALITY AS n(i, id, type, data, position)
        -- One index probe an id, whatever the planner believes of the table: joined freely, it may read the whole stream.
        CROSS JOIN LATERAL (
          SELECT x.seq, x.type, x.data, x.redacted_at IS NOT NULL AS redacted FROM event x
           WHERE x.stream_id = p_streams[n.i] AND x.id = n.id LIMIT 1) e
       WHERE heads[n.i] IS NOT NULL;
      v_skipped := coalesce(known_position, '{}');
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
      -- From here on, p_of to p_times are of the events to store.
      SELECT coalesce(array_agg(n.i ORDER BY n.position), '{}'), array_agg(n.id ORDER BY n.position),
             array_agg(n.type ORDER BY n.position), array_agg(n.data ORDER BY n.position),
             CASE WHEN p_times IS NOT NULL THEN array_agg(n.at ORDER BY n.position) END
        INTO p_of, p_ids, p_types, p_data, p_times
        FROM unnest(p_of, p_ids, p_types, p_data, p_times) WITH ORDINALITY AS n(i, id, type, data, at, position)
       WHERE heads[n.i] IS NOT NULL AND n.position <> ALL (v_skipped);
      IF cardinality(p_of) = 0 THEN RETURN; END IF;
    END IF;

    -- At least a millisecond after the append before it, however far that is ahead of the clock: "later than the newest time seen" then
    -- misses nothing, because events of the same time were committed together. A stream of more than a thousand appends a second runs
    -- ahead of the clock, and one whose clock was set back goes on a millisecond at a time until the clock has caught up.
    -- greatest passes over the null of a stream without events. Given times do not decrease.
    IF v_one THEN
      v_at := ARRAY[coalesce(p_times[cardinality(p_times)], greatest(v_now, v_last[1] + interval '1 millisecond'))];
    ELSE
      SELECT array_agg(a.added ORDER BY p.i),
             array_agg(coalesce(a.at, greatest(v_now, v_last[p.i] + interval '1 millisecond')) ORDER BY p.i)
        INTO v_added, v_at
        FROM generate_subscripts(p_streams, 1) AS p(i)
        LEFT JOIN (SELECT n.i, count(*) AS added, max(p_times[n.position]) AS at
                     FROM unnest(p_of) WITH ORDINALITY AS n(i, position) GROUP BY n.i) a ON a.i = p.i;
      SELECT array_agg(r.place ORDER BY r.position) INTO v_places
        FROM (SELECT n.position, row_number() OVER (PARTITION BY n.i ORDER BY n.position) AS place
                FROM unnest(p_of) WITH ORDINALITY AS n(i, position)) r;
    END IF;

    BEGIN
      INSERT INTO event (stream_id, seq, id, type, created_at, data)
        SELECT p_streams[n.i], heads[n.i] + coalesce(v_places[n.position], n.position), n.id, n.type,
               CASE WHEN p_times IS NULL THEN v_at[n.i] ELSE p_times[n.position] END, n.data
          FROM unnest(p_of, p_ids, p_types, p_data) WITH ORDINALITY AS n(i, id, type, data, position);
      GET DIAGNOSTICS v_stored = ROW_COUNT;
      EXIT;
    EXCEPTION WHEN unique_violation THEN
      IF v_looked THEN RAISE; END IF;
      v_looked := true;
    END;
  END LOOP;
  IF v_stored <> cardinality(p_of) THEN
    RAISE EXCEPTION 'append stored % of % events', v_stored, cardinality(p_of) USING ERRCODE = 'data_corrupted';
  END IF;

  IF v_one THEN
    UPDATE stream s SET head = s.head + v_stored, last_at = v_at[1], epoch_number = v_epoch WHERE s.id = p_streams[1];
  ELSE
    UPDATE stream s SET head = s.head + v_added[array_position(p_streams, s.id)], last_at = v_at[array_position(p_streams, s.id)],
                        epoch_number = v_epoch
     WHERE s.id = ANY (p_streams) AND v_added[array_position(p_streams, s.id)] IS NOT NULL;
  END IF;
  IF v_epoch <> ANY (v_epochs) THEN
    INSERT INTO stream_epoch (stream_id, epoch_number, start)
      SELECT p_streams[p.i], v_epoch, heads[p.i] + 1 FROM generate_subscripts(p_streams, 1) AS p(i)
       WHERE v_epochs[p.i] <> v_epoch AND p.i = ANY (p_of)
    ON CONFLICT (stream_id, epoch_number) DO NOTHING;
  END IF;

  -- Ordinals 1, 33, 65, … of a type get a mark, and the first that is kept after all before it were removed.
  IF cardinality(p_of) = 1 THEN
    INSERT INTO event_count AS c (stream_id, type, n) VALUES (p_streams[p_of[1]], p_types[1], 1)
      ON CONFLICT (stream_id, type) DO UPDATE SET n = c.n + 1 RETURNING c.n, c.removed INTO v_n, v_removed;
    IF v_n % 32 = 1 OR v_n = v_removed + 1 THEN
      INSERT INTO event_mark (stream_id, type, ordinal, seq) VALUES (p_streams[p_of[1]], p_types[1], v_n, heads[p_of[1]] + 1);
    END IF;
  ELSE
    WITH counted AS (
      INSERT INTO event_count AS c (stream_id, type, n)
        SELECT p_streams[n.i], n.type, count(*) FROM unnest(p_of, p_types) AS n(i, type) GROUP BY n.i, n.type
      ON CONFLICT (stream_id, type) DO UPDATE SET n = c.n + excluded.n
      RETURNING c.stream_id, c.type, c.n, c.removed
    )
    INSERT INTO event_mark (stream_id, type, ordinal, seq)
      SELECT o.stream_id, o.type, o.ordinal, o.seq
        FROM (SELECT c.stream_id, c.type, c.removed, heads[n.i] + coalesce(v_places[n.position], n.position) AS seq,
                     c.n - count(*) OVER (PARTITION BY n.i, n.type)
                       + row_number() OVER (PARTITION BY n.i, n.type ORDER BY n.position) AS ordinal
                FROM unnest(p_of, p_types) WITH ORDINALITY AS n(i, type, position)
                JOIN counted c ON c.stream_id = p_streams[n.i] AND c.type = n.type) o
       WHERE o.ordinal % 32 = 1 OR o.ordinal = o.removed + 1;
  END IF;

  IF v_one THEN
    IF p_times IS NOT NULL OR v_last[1] IS NULL OR floor(extract(epoch FROM v_last[1]) / 10) < floor(extract(epoch FROM v_at[1]) / 10) THEN
      v_active := p_streams;
    END IF;
  ELSE
    SELECT array_agg(p_streams[p.i]) INTO v_active FROM generate_subscripts(p_streams, 1) AS p(i)
     WHERE v_added[p.i] IS NOT NULL AND (p_times IS NOT NULL OR v_last[p.i] IS NULL
             OR floor(extract(epoch FROM v_last[p.i]) / 10) < floor(extract(epoch FROM v_at[p.i]) / 10));
  END IF;
  IF v_active IS NOT NULL THEN
    -- An append to datasets does not wait for a lock on the table of reports, and the reverse.
    IF EXISTS (SELECT FROM stream s WHERE s.id = ANY (v_active) AND s.kind = 'DATASET') THEN
      UPDATE dataset d SET active_at = v_at[array_position(p_streams, d.id)]
       WHERE d.id = ANY (v_active) AND v_at[array_position(p_streams, d.id)] > d.active_at;
    END IF;
    IF EXISTS (SELECT FROM stream s WHERE s.id = ANY (v_active) AND s.kind = 'REPORT') THEN
      UPDATE report r SET active_at = v_at[array_position(p_streams, r.id)]
       WHERE r.id = ANY (v_active) AND v_at[array_position(p_streams, r.id)] > r.active_at;
    END IF;
  END IF;
  IF 'report_state_update' = ANY (p_types) THEN
    UPDATE report r SET state = coalesce((
        SELECT report_state_in(n.data) FROM unnest(p_of, p_types, p_data) WITH ORDINALITY AS n(i, type, data, position)
         WHERE p_streams[n.i] = r.id AND n.type = 'report_state_update' AND report_state_in(n.data) IS NOT NULL
         ORDER BY n.position DESC LIMIT 1), r.state)
     WHERE r.id = ANY (ARRAY(
       SELECT p_streams[n.i] FROM unnest(p_of, p_types) AS n(i, type) WHERE n.type = 'report_state_update'));
  END IF;
END $$;
