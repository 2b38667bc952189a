-- An append looks at the rights of its writers with a plan that is kept, like those of append_to_streams: as a statement with lists of
-- keys and streams it was planned at each call, which took longer than the append.

-- Whether a key is neither revoked nor expired. A single SELECT, so that a statement which calls it is planned as if it contained it.
CREATE FUNCTION is_valid_key(revoked_at timestamptz, expires_at timestamptz) RETURNS boolean LANGUAGE sql STABLE
  AS $$ SELECT revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) $$;

-- append_to_streams for writers, who may each append to one stream: p_keys are their keys, null for the root key of the settings, which needs
-- no right; p_written the streams, and p_kinds of which kind each is expected to be.
--
-- Nothing is stored if a key may not, which denied reports, or if a stream is of another kind, or of another organization than the key, as
-- after a restore, which strangers reports: both are 1-based indexes into p_keys. A stream that does not exist is left to append_to_streams.
--
-- All of the right is looked at, not only what can change: the caller may have looked at the key long before.
CREATE FUNCTION append_permitted(
  p_keys uuid[], p_written uuid[], p_kinds text[],
  p_streams uuid[], p_of integer[], p_ids uuid[], p_types text[], p_data text[], p_times timestamptz[],
  OUT denied integer[], OUT strangers integer[],
  OUT heads bigint[], OUT held integer[], OUT known_position integer[], OUT known_seq bigint[], OUT known_same boolean[],
  OUT refused_position integer[], OUT epoch bigint
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
  SELECT array_agg(w.i) FILTER (WHERE NOT w.may), array_agg(w.i) FILTER (WHERE w.may AND w.strange)
    INTO denied, strangers
    FROM (SELECT asked.i,
                 p_keys[asked.i] IS NULL
                   OR EXISTS (SELECT FROM api_key k
                               WHERE k.id = p_keys[asked.i] AND is_valid_key(k.revoked_at, k.expires_at) AND k.role <> 'READ'
                                 AND (cardinality(k.dataset_ids) + cardinality(k.report_ids) = 0
                                      OR p_written[asked.i] = ANY (k.dataset_ids || k.report_ids))) AS may,
                 (SELECT s.kind::text <> p_kinds[asked.i]
                         OR s.organization_id <> (SELECT k.organization_id FROM api_key k WHERE k.id = p_keys[asked.i])
                    FROM stream s WHERE s.id = p_written[asked.i]) AS strange
            FROM generate_subscripts(p_keys, 1) AS asked (i)) w;
  IF denied IS NULL AND strangers IS NULL THEN
    SELECT a.* INTO heads, held, known_position, known_seq, known_same, refused_position, epoch
      FROM append_to_streams(p_streams, p_of, p_ids, p_types, p_data, p_times) a;
  END IF;
END $$;
