-- Streams can be moved here from another database, with their positions and epochs, so that cursors stay valid.
-- AlterTable
ALTER TABLE "epoch" ADD COLUMN     "moved" BOOLEAN NOT NULL DEFAULT false;

-- AlterTable
ALTER TABLE "stream" ADD COLUMN     "moved_from" BIGINT;

-- Records the epochs of another database, oldest first, and begins a new one here if any is new: what is appended from then on is
-- ordered after all of them. Returns how many were new.
CREATE FUNCTION import_epochs(p_ids bigint[]) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  v_new integer;
BEGIN
  LOCK TABLE epoch IN SHARE ROW EXCLUSIVE MODE;
  WITH inserted AS (
    INSERT INTO epoch (number, id, fingerprint, moved)
      SELECT (SELECT coalesce(max(e.number), 0) FROM epoch e) + n.i, n.id, 'moved/' || n.id, true
        FROM unnest(p_ids) WITH ORDINALITY AS n(id, i) ORDER BY n.i
    ON CONFLICT (id) DO NOTHING RETURNING 1
  ) SELECT count(*) INTO v_new FROM inserted;
  IF v_new > 0 THEN PERFORM restore_epoch(); END IF;
  RETURN v_new;
END $$;

-- Prepares a stream for events that keep the positions they have in another database, from p_first on. p_epochs: ids of the epochs in
-- which it grew there, oldest first; p_starts: the first position of each. Returns false, and changes nothing, where positions cannot
-- be kept: the stream has a history of its own, or these epochs are unknown or out of order here. p_again: this import moved the stream
-- before, and the events between have been removed there meanwhile; then what comes before p_first is removed here, too.
CREATE FUNCTION move_stream(p_stream uuid, p_first bigint, p_epochs bigint[], p_starts bigint[], p_again boolean) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  v_head bigint;
  v_moved_from bigint;
  v_numbers integer[];
BEGIN
  SELECT s.head, s.moved_from INTO v_head, v_moved_from FROM stream s WHERE s.id = p_stream FOR NO KEY UPDATE;
  SELECT coalesce(array_agg(e.number ORDER BY n.i), '{}') INTO v_numbers
    FROM unnest(p_epochs) WITH ORDINALITY AS n(id, i) JOIN epoch e ON e.id = n.id;
  IF v_head IS NULL OR cardinality(v_numbers) <> cardinality(p_epochs)
     OR v_numbers <> ARRAY(SELECT n FROM unnest(v_numbers) AS n ORDER BY n) OR current_epoch() = ANY (v_numbers)
     -- A stream older than epochs has none; then only a move tells whose positions these are.
     OR (v_head > 0 AND v_moved_from IS NULL AND NOT EXISTS (SELECT FROM stream_epoch k WHERE k.stream_id = p_stream))
     OR EXISTS (SELECT FROM unnest(v_numbers, p_starts) AS n(number, start)
                 WHERE n.start <= v_head AND NOT EXISTS (SELECT FROM stream_epoch k WHERE k.stream_id = p_stream
                                                            AND k.epoch_number = n.number AND k.start = n.start))
     OR EXISTS (SELECT FROM stream_epoch k WHERE k.stream_id = p_stream
                   AND NOT EXISTS (SELECT FROM unnest(v_numbers, p_starts) AS n(number, start)
                                    WHERE n.number = k.epoch_number AND n.start = k.start))
     OR (p_first > v_head + 1 AND v_head > 0 AND NOT p_again) THEN
    RETURN false;
  END IF;

  INSERT INTO stream_epoch (stream_id, epoch_number, start)
    SELECT p_stream, n.number, n.start FROM unnest(v_numbers, p_starts) AS n(number, start)
  ON CONFLICT DO NOTHING;
  UPDATE stream SET moved_from = CASE WHEN v_head = 0 OR p_first > v_head + 1 THEN p_first ELSE moved_from END
   WHERE id = p_stream;
  IF p_first > v_head + 1 THEN
    PERFORM trim_stream(p_stream, NULL, 0, NULL);
    UPDATE stream SET head = p_first - 1, first = p_first, cleared = CASE WHEN cleared = first THEN p_first ELSE cleared END
     WHERE id = p_stream;
    PERFORM keep_epochs(p_stream);
  END IF;
  RETURN true;
END $$;

-- After an append to a stream that was moved here, in the same transaction: the events belong to the epochs of their history, and not to
-- the present one. Returns the head.
CREATE FUNCTION keep_epochs(p_stream uuid) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  v_head bigint;
BEGIN
  DELETE FROM stream_epoch WHERE stream_id = p_stream AND epoch_number = current_epoch();
  UPDATE stream s SET epoch_number = (
    SELECT max(k.epoch_number) FROM stream_epoch k WHERE k.stream_id = s.id AND k.start <= s.head)
   WHERE s.id = p_stream RETURNING s.head INTO v_head;
  RETURN v_head;
END $$;
