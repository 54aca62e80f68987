-- Where the relay has work, asked before a bank is known.

-- The ids, and nothing else, of the banks that have unnumbered events, or one of whose streams for
-- these handlers is behind and not waiting for its next try.
CREATE OR REPLACE FUNCTION perimeter_outbox_bank_ids(handlers text[], wall_at timestamptz)
RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM set_config('perimeter.lookup', 'on', true);
    RETURN QUERY
        SELECT bank_id FROM common_outboxevent WHERE number IS NULL
        UNION
        SELECT head.bank_id
        FROM common_outboxstream head
        CROSS JOIN unnest(handlers) AS known (handler)
        LEFT JOIN common_outboxstream stream
            ON stream.bank_id = head.bank_id AND stream.handler = known.handler
        WHERE head.handler = ''
            AND coalesce(stream.last_number, 0) < head.last_number
            AND (stream.retry_at IS NULL OR stream.retry_at <= wall_at);
    PERFORM set_config('perimeter.lookup', '', true);
END $$;

DROP POLICY IF EXISTS lookup ON common_outboxevent;
CREATE POLICY lookup ON common_outboxevent FOR SELECT TO perimeter_owner
    USING (current_setting('perimeter.lookup', true) = 'on');

DROP POLICY IF EXISTS lookup ON common_outboxstream;
CREATE POLICY lookup ON common_outboxstream FOR SELECT TO perimeter_owner
    USING (current_setting('perimeter.lookup', true) = 'on');
