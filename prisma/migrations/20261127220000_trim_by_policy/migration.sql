-- Trims a stream by the policy that it has now. A sweep looks for streams that are due all at once, and comes to some of them much later: a
-- policy that was lifted meanwhile must not remove anything.
--
-- p_now is what the server trusts as the present time, null if it trusts none: then no event is too old. p_spare as in trim_stream.
CREATE FUNCTION trim_by_policy(p_stream uuid, p_now timestamptz, p_spare bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  v_organization uuid;
  v_max_age integer;
  v_max_events bigint;
BEGIN
  -- A change of a stream's policy locks the stream first, and one of an organization's locks the policy: none is committed from here until
  -- the removal is.
  SELECT s.organization_id INTO v_organization FROM stream s WHERE s.id = p_stream FOR NO KEY UPDATE;
  SELECT p.max_age_seconds, p.max_events INTO v_max_age, v_max_events
    FROM stream_retention p WHERE p.organization_id = v_organization AND p.stream_id = p_stream;
  IF NOT FOUND THEN
    SELECT p.max_age_seconds, p.max_events INTO v_max_age, v_max_events
      FROM organization_retention p WHERE p.organization_id = v_organization FOR SHARE;
    IF NOT FOUND THEN RETURN 0; END IF;
  END IF;
  RETURN trim_stream(p_stream, p_now - make_interval(secs => v_max_age), v_max_events, p_spare);
END $$;
