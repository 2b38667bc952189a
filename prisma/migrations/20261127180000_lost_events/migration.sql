-- An operator can see which epoch the database is in, what began it, and what was lost.
-- CreateEnum
CREATE TYPE "epoch_reason" AS ENUM ('FIRST', 'STARTED', 'PROMOTED', 'RECREATED', 'RESTORED', 'MOVED');

-- AlterTable
ALTER TABLE "epoch" ADD COLUMN     "reason" "epoch_reason",
ADD COLUMN     "timeline" INTEGER;

-- CreateTable
CREATE TABLE "lost_events" (
    "stream_id" UUID NOT NULL,
    "shared" BIGINT NOT NULL,
    "lost" BIGINT NOT NULL,
    "noticed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "lost_events_pkey" PRIMARY KEY ("stream_id","shared")
);

-- CreateIndex
CREATE INDEX "lost_events_noticed_at_idx" ON "lost_events"("noticed_at");

-- AddForeignKey
ALTER TABLE "lost_events" ADD CONSTRAINT "lost_events_stream_id_fkey" FOREIGN KEY ("stream_id") REFERENCES "stream"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- The timeline of PostgreSQL, which a promotion raises. Null where the server does not tell, as some managed ones.
CREATE FUNCTION wal_timeline() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  RETURN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer;
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END $$;

-- The number of the epoch that this moment belongs to, which begins now if there is none.
CREATE OR REPLACE FUNCTION current_epoch() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  v_fingerprint text := history_fingerprint();
  v_number integer;
  v_before epoch;
  v_timeline integer;
BEGIN
  SELECT e.number INTO v_number FROM epoch e WHERE e.fingerprint = v_fingerprint;
  IF v_number IS NULL THEN
    -- One transaction at a time begins an epoch; those that waited find it.
    LOCK TABLE epoch IN SHARE ROW EXCLUSIVE MODE;
    v_timeline := wal_timeline();
    SELECT * INTO v_before FROM epoch e WHERE NOT e.moved ORDER BY e.number DESC LIMIT 1;
    -- 48 bits, as many as a cursor has for it; 0 and the last one mean something else there.
    INSERT INTO epoch (number, id, fingerprint, timeline, reason)
      SELECT coalesce(max(e.number), 0) + 1, 1 + floor(random() * 281474976710654)::bigint, v_fingerprint, v_timeline,
             (CASE WHEN v_before.number IS NULL THEN 'FIRST'
                   WHEN split_part(v_before.fingerprint, '/', 2) <> split_part(v_fingerprint, '/', 2)
                     OR split_part(v_before.fingerprint, '/', 3) <> split_part(v_fingerprint, '/', 3) THEN 'RECREATED'
                   WHEN v_timeline > v_before.timeline THEN 'PROMOTED'
                   ELSE 'STARTED' END)::epoch_reason
        FROM epoch e
      ON CONFLICT (fingerprint) DO NOTHING;
    SELECT e.number INTO v_number FROM epoch e WHERE e.fingerprint = v_fingerprint;
  END IF;
  RETURN v_number;
END $$;

-- Begins a new epoch, though nothing shows that the history changed. Returns its number.
CREATE OR REPLACE FUNCTION restore_epoch() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  v_number integer;
BEGIN
  LOCK TABLE epoch IN SHARE ROW EXCLUSIVE MODE;
  UPDATE epoch SET fingerprint = concat_ws('/', fingerprint, 'ended', clock_timestamp()) WHERE fingerprint = history_fingerprint();
  v_number := current_epoch();
  UPDATE epoch SET reason = (CASE WHEN EXISTS (SELECT FROM epoch m WHERE m.number = v_number - 1 AND m.moved) THEN 'MOVED'
                                  ELSE 'RESTORED' END)::epoch_reason
   WHERE number = v_number;
  RETURN v_number;
END $$;
