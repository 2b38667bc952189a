-- The log's own functions. A plan kept from when the table was small is never thrown away in the embedded database, which has no
-- autovacuum; so each call is planned for itself.
--
-- They are functions, not single statements with CTEs, because under READ COMMITTED each statement of
-- a function has a fresh snapshot: what a writer committed while we waited for the stream's lock must be visible when we look for
-- duplicates and number the new events.

-- Appends events to one stream: all that are new, in the given order, in one transaction.
--
-- Locks the stream's row until commit, so that `seq` is dense and its order is the order of commits. Ids must differ within one
-- call. An id that the stream already holds is not stored again; it is reported in known_position (1-based index into p_ids),
-- known_seq and known_same (same type and same text?). Every other event gets the next seq after head_before.
-- head_before is null when there is no such stream.
-- Fails, storing nothing, when the table took fewer rows than it was given.
CREATE FUNCTION append_events(
  p_stream uuid, p_ids uuid[], p_types text[], p_data text[],
  OUT head_before bigint, OUT recorded integer,
  OUT known_position integer[], OUT known_seq bigint[], OUT known_same boolean[]
) LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  v_given integer := cardinality(p_ids);
  v_last_at timestamptz;
  v_at timestamptz;
  v_count record;
  v_total bigint;
BEGIN
  SELECT s.head, s.last_at INTO head_before, v_last_at FROM stream s WHERE s.id = p_stream FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN; END IF;

  SELECT array_agg(n.position), array_agg(e.seq), array_agg(e.type = n.type AND e.data = n.data)
    INTO known_position, known_seq, known_same
    FROM unnest(p_ids, p_types, p_data) WITH ORDINALITY AS n(id, type, data, position)
    -- One index probe an id, whatever the planner believes of the table: joined freely, it may read the whole stream.
    CROSS JOIN LATERAL (
      SELECT x.seq, x.type, x.data FROM event x WHERE x.stream_id = p_stream AND x.id = n.id LIMIT 1) e;

  -- One millisecond past the append before it: a reader that asks for "later than the newest time I have" then misses nothing,
  -- because whatever shares that time was committed together with what it has. At most a second past the clock, though: a stream
  -- that takes more than a thousand appends a second for long has several with the same time. Never earlier than the one before.
  v_at := date_trunc('milliseconds', clock_timestamp());
  v_at := greatest(v_at, v_last_at, least(v_last_at + interval '1 millisecond', v_at + interval '1 second'));

  IF known_position IS NULL THEN
    INSERT INTO event (stream_id, seq, id, type, created_at, data)
      SELECT p_stream, head_before + n.position, n.id, n.type, v_at, n.data
        FROM unnest(p_ids, p_types, p_data) WITH ORDINALITY AS n(id, type, data, position);
  ELSE
    INSERT INTO event (stream_id, seq, id, type, created_at, data)
      SELECT p_stream, head_before + row_number() OVER (ORDER BY n.position), n.id, n.type, v_at, n.data
        FROM unnest(p_ids, p_types, p_data) WITH ORDINALITY AS n(id, type, data, position)
       WHERE n.position <> ALL (known_position);
  END IF;
  GET DIAGNOSTICS recorded = ROW_COUNT;
  IF recorded + coalesce(cardinality(known_position), 0) <> v_given THEN
    RAISE EXCEPTION 'append to stream % stored % of % events', p_stream, recorded, v_given USING ERRCODE = 'data_corrupted';
  END IF;
  IF recorded = 0 THEN RETURN; END IF;

  FOR v_count IN
    SELECT e.type, count(*) AS added FROM event e
     WHERE e.stream_id = p_stream AND e.seq BETWEEN head_before + 1 AND head_before + recorded GROUP BY e.type
  LOOP
    INSERT INTO event_count AS c (stream_id, type, n) VALUES (p_stream, v_count.type, v_count.added)
      ON CONFLICT (stream_id, type) DO UPDATE SET n = c.n + v_count.added
      RETURNING c.n INTO v_total;
    -- Ordinals 1, 33, 65, … of a type are marked; most appends cross none.
    IF (v_total + 31) / 32 > (v_total - v_count.added + 31) / 32 THEN
      INSERT INTO event_mark (stream_id, type, ordinal, seq)
        SELECT p_stream, v_count.type, o.ordinal, o.seq
          FROM (SELECT e.seq, v_total - v_count.added + row_number() OVER (ORDER BY e.seq) AS ordinal
                  FROM event e
                 WHERE e.stream_id = p_stream AND e.type = v_count.type
                   AND e.seq BETWEEN head_before + 1 AND head_before + recorded) o
         WHERE o.ordinal % 32 = 1;
    END IF;
  END LOOP;

  UPDATE stream SET head = head_before + recorded, last_at = v_at WHERE id = p_stream;
END $$;

-- How many events of the given types (distinct) the stream holds with a seq up to p_seq. Reads at most 32 index entries a type.
CREATE FUNCTION event_rank(p_stream uuid, p_types text[], p_seq bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
  SELECT coalesce(sum(
    CASE WHEN m.seq IS NULL THEN 0 ELSE m.ordinal - 1 + (
      SELECT count(*) FROM event e
       WHERE e.stream_id = p_stream AND e.type = t.type AND e.seq BETWEEN m.seq AND p_seq) END), 0)::bigint
    FROM unnest(p_types) AS t(type)
    LEFT JOIN LATERAL (
      SELECT k.ordinal, k.seq FROM event_mark k
       WHERE k.stream_id = p_stream AND k.type = t.type AND k.seq <= p_seq
       ORDER BY k.seq DESC LIMIT 1) m ON true
$$;

-- The inverse: the seq of the p_rank-th event (from 1) of the given types, or null when there are fewer.
CREATE FUNCTION event_seek(p_stream uuid, p_types text[], p_rank bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  v_low bigint := 1;
  v_high bigint;
  v_middle bigint;
  v_mark record;
BEGIN
  IF p_rank < 1 THEN RETURN NULL; END IF;

  IF cardinality(p_types) = 1 THEN
    SELECT k.ordinal, k.seq INTO v_mark FROM event_mark k
     WHERE k.stream_id = p_stream AND k.type = p_types[1] AND k.ordinal <= p_rank
     ORDER BY k.ordinal DESC LIMIT 1;
    RETURN (SELECT e.seq FROM event e
             WHERE e.stream_id = p_stream AND e.type = p_types[1] AND e.seq >= v_mark.seq
             ORDER BY e.seq OFFSET p_rank - v_mark.ordinal LIMIT 1);
  END IF;

  -- Several types: ranks rise with seq, so halve the interval. About log2(events) ranks.
  SELECT s.head INTO v_high FROM stream s WHERE s.id = p_stream;
  IF v_high IS NULL OR event_rank(p_stream, p_types, v_high) < p_rank THEN RETURN NULL; END IF;
  WHILE v_low < v_high LOOP
    v_middle := (v_low + v_high) / 2;
    IF event_rank(p_stream, p_types, v_middle) >= p_rank THEN v_high := v_middle; ELSE v_low := v_middle + 1; END IF;
  END LOOP;
  RETURN v_low;
END $$;

-- The seq of the first event at or after a time; head + 1 when there is none. Times rise with seq, so halve the interval.
CREATE FUNCTION event_seq_at(p_stream uuid, p_at timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  v_low bigint := 1;
  v_high bigint;
  v_middle bigint;
BEGIN
  SELECT s.head + 1 INTO v_high FROM stream s WHERE s.id = p_stream;
  WHILE v_low < v_high LOOP
    v_middle := (v_low + v_high) / 2;
    IF (SELECT e.created_at FROM event e WHERE e.stream_id = p_stream AND e.seq = v_middle) >= p_at THEN
      v_high := v_middle;
    ELSE
      v_low := v_middle + 1;
    END IF;
  END LOOP;
  RETURN v_low;
END $$;
