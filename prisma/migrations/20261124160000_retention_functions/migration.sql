-- Ordinals and ranks go on counting what was removed: event_count.removed says how many those are, and the earliest event of each
-- type that is kept has a mark of its own, so that nothing below it is ever needed.

-- How many events of the given types (distinct) the stream has ever held with a seq up to p_seq, which must not be below that of the
-- last removed one. Reads at most 32 index entries a type.
CREATE OR REPLACE FUNCTION event_rank(p_stream uuid, p_types text[], p_seq bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
  SELECT coalesce(sum(
    CASE WHEN m.seq IS NULL THEN coalesce(c.removed, 0) ELSE m.ordinal - 1 + (
      SELECT count(*) FROM event e
       WHERE e.stream_id = p_stream AND e.type = t.type AND e.seq BETWEEN m.seq AND p_seq) END), 0)::bigint
    FROM stream s
    CROSS JOIN unnest(p_types) AS t(type)
    LEFT JOIN event_count c ON c.stream_id = p_stream AND c.type = t.type
    LEFT JOIN LATERAL (
      SELECT k.ordinal, k.seq FROM event_mark k
       WHERE k.stream_id = p_stream AND k.type = t.type AND k.seq <= p_seq AND k.seq >= s.first
       ORDER BY k.seq DESC LIMIT 1) m ON true
   WHERE s.id = p_stream
$$;

-- The inverse: the seq of the p_rank-th event (from 1, removed ones counted) of the given types, or null when there is none, or when
-- it is removed.
CREATE OR REPLACE FUNCTION event_seek(p_stream uuid, p_types text[], p_rank bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  v_first bigint;
  v_low bigint;
  v_high bigint;
  v_middle bigint;
  v_mark record;
BEGIN
  IF p_rank < 1 THEN RETURN NULL; END IF;
  SELECT s.first, s.head INTO v_first, v_high FROM stream s WHERE s.id = p_stream;

  IF cardinality(p_types) = 1 THEN
    SELECT k.ordinal, k.seq INTO v_mark FROM event_mark k
     WHERE k.stream_id = p_stream AND k.type = p_types[1] AND k.ordinal <= p_rank AND k.seq >= v_first
     ORDER BY k.ordinal DESC LIMIT 1;
    RETURN (SELECT e.seq FROM event e
             WHERE e.stream_id = p_stream AND e.type = p_types[1] AND e.seq >= v_mark.seq
             ORDER BY e.seq OFFSET p_rank - v_mark.ordinal LIMIT 1);
  END IF;

  -- Several types: ranks rise with seq, so halve the interval. About log2(events) ranks.
  IF v_high IS NULL OR event_rank(p_stream, p_types, v_first - 1) >= p_rank THEN RETURN NULL; END IF;
  IF event_rank(p_stream, p_types, v_high) < p_rank THEN RETURN NULL; END IF;
  v_low := v_first;
  WHILE v_low < v_high LOOP
    v_middle := (v_low + v_high) / 2;
    IF event_rank(p_stream, p_types, v_middle) >= p_rank THEN v_high := v_middle; ELSE v_low := v_middle + 1; END IF;
  END LOOP;
  RETURN v_low;
END $$;

-- The seq of the first kept event at or after a time; head + 1 when there is none. Times rise with seq, so halve the interval.
CREATE OR REPLACE FUNCTION event_seq_at(p_stream uuid, p_at timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  v_low bigint;
  v_high bigint;
  v_middle bigint;
BEGIN
  SELECT s.first, s.head + 1 INTO v_low, v_high FROM stream s WHERE s.id = p_stream;
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

-- Removes the events of a stream that are older than p_before, or that come before the newest p_keep, but none from p_spare on (each may
-- be null), for every reader at once: it raises `first` and the counts of what is removed. Deleting them is left to clear_removed.
-- Waits for the stream like an append. Returns how many were removed.
CREATE FUNCTION trim_stream(p_stream uuid, p_before timestamptz, p_keep bigint, p_spare bigint) RETURNS bigint
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
    UPDATE event_count SET removed = v_removed WHERE stream_id = p_stream AND type = v_type;
    INSERT INTO event_mark (stream_id, type, ordinal, seq)
      SELECT p_stream, v_type, v_removed + 1, e.seq FROM event e
       WHERE e.stream_id = p_stream AND e.type = v_type AND e.seq >= v_new ORDER BY e.seq LIMIT 1
      ON CONFLICT DO NOTHING;
  END LOOP;
  UPDATE stream SET first = v_new WHERE id = p_stream;
  RETURN v_new - v_first;
END $$;

-- Deletes up to p_limit events of a stream that are removed. Returns how many positions are left to clear. Two calls at the same time,
-- and one that is broken off, do no harm.
CREATE FUNCTION clear_removed(p_stream uuid, p_limit integer) RETURNS bigint
LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  v_from bigint;
  v_to bigint;
  v_first bigint;
BEGIN
  -- First, as an append does, which could otherwise wait for an id that is being deleted while this waits for the stream.
  SELECT s.cleared, least(s.cleared + p_limit, s.first), s.first INTO v_from, v_to, v_first
    FROM stream s WHERE s.id = p_stream FOR NO KEY UPDATE;
  IF v_to IS NULL OR v_to <= v_from THEN RETURN 0; END IF;
  DELETE FROM event e WHERE e.stream_id = p_stream AND e.seq >= v_from AND e.seq < v_to;
  DELETE FROM event_mark k USING event_count c
   WHERE c.stream_id = p_stream AND k.stream_id = p_stream AND k.type = c.type AND k.seq >= v_from AND k.seq < v_to;
  UPDATE stream SET cleared = greatest(cleared, v_to) WHERE id = p_stream;
  RETURN v_first - v_to;
END $$;
