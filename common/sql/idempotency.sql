-- The key of a command, claimed for this transaction: whether it is ours, and what is kept under it.
-- The look-up is a statement after the lock, so it sees what the lock's last holder committed.
CREATE OR REPLACE FUNCTION perimeter_claim_key(
    p_user uuid, p_key text, p_lock integer, OUT is_ours boolean,
    OUT request_sha256 text, OUT status smallint, OUT body text
)
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    is_ours := pg_try_advisory_xact_lock(x'6964656d'::integer, p_lock);  -- 'idem'
    SELECT kept.request_sha256, kept.status, kept.body INTO request_sha256, status, body
      FROM common_idempotencykey AS kept WHERE kept.user_id = p_user AND kept.key = p_key;
END $$;

-- Answers are kept by the application, which may not delete one; here they are deleted when they are
-- seven days old. Their ids are UUIDv7, so the oldest are found by the primary key.

DROP POLICY IF EXISTS forgetting_sees ON common_idempotencykey;
CREATE POLICY forgetting_sees ON common_idempotencykey FOR SELECT TO perimeter_owner
    USING (current_setting('perimeter.forgetting', true) = 'on');
DROP POLICY IF EXISTS forgetting ON common_idempotencykey;
CREATE POLICY forgetting ON common_idempotencykey FOR DELETE TO perimeter_owner
    USING (current_setting('perimeter.forgetting', true) = 'on');

CREATE OR REPLACE FUNCTION perimeter_forget_answers(most integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    oldest timestamptz := statement_timestamp() - interval '7 days';
    -- The least UUIDv7 of that millisecond.
    bound uuid := (lpad(to_hex((extract(epoch FROM oldest) * 1000)::bigint), 12, '0')
                   || '70008000000000000000')::uuid;
    forgotten integer;
BEGIN
    PERFORM set_config('perimeter.forgetting', 'on', true);
    DELETE FROM common_idempotencykey WHERE id IN (
        SELECT id FROM common_idempotencykey
        WHERE id < bound AND recorded_at < oldest ORDER BY id LIMIT most
    );
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    PERFORM set_config('perimeter.forgetting', '', true);
    RETURN forgotten;
END $$;
