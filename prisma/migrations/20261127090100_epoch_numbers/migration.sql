-- Numbers order the epochs, so each is above all that are there: logical replication copies rows, but not sequences.
-- AlterTable
ALTER TABLE "epoch" ALTER COLUMN "number" DROP DEFAULT;
DROP SEQUENCE "epoch_number_seq";

-- The number of the epoch that this moment belongs to, which begins now when there is none.
CREATE OR REPLACE FUNCTION current_epoch() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  v_fingerprint text := history_fingerprint();
  v_number integer;
BEGIN
  SELECT e.number INTO v_number FROM epoch e WHERE e.fingerprint = v_fingerprint;
  IF v_number IS NULL THEN
    -- One transaction at a time begins an epoch; those that waited find it.
    LOCK TABLE epoch IN SHARE ROW EXCLUSIVE MODE;
    -- 48 bits, as many as a cursor has for it; 0 and the last one mean something else there.
    INSERT INTO epoch (number, id, fingerprint)
      SELECT coalesce(max(e.number), 0) + 1, 1 + floor(random() * 281474976710654)::bigint, v_fingerprint FROM epoch e
      ON CONFLICT (fingerprint) DO NOTHING;
    SELECT e.number INTO v_number FROM epoch e WHERE e.fingerprint = v_fingerprint;
  END IF;
  RETURN v_number;
END $$;

-- Begins a new epoch, though nothing shows that the history changed. Returns its number.
CREATE OR REPLACE FUNCTION restore_epoch() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  LOCK TABLE epoch IN SHARE ROW EXCLUSIVE MODE;
  UPDATE epoch SET fingerprint = concat_ws('/', fingerprint, 'ended', clock_timestamp()) WHERE fingerprint = history_fingerprint();
  RETURN current_epoch();
END $$;
