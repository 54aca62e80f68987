-- Who the running transaction works for: `tenancy.acting` sets it, the policies read it.

CREATE OR REPLACE FUNCTION perimeter_bank() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('perimeter.bank', true), '')::uuid $$;

CREATE OR REPLACE FUNCTION perimeter_jurisdiction() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('perimeter.jurisdiction', true), '')::uuid $$;

-- Set the bank for this transaction and return its jurisdiction, NULL where there is no such bank.
CREATE OR REPLACE FUNCTION perimeter_act(bank uuid) RETURNS uuid
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    jurisdiction uuid;
    said text := set_config('perimeter.bank', bank::text, true);
BEGIN
    SELECT jurisdiction_id INTO jurisdiction FROM common_bank WHERE id = bank;
    said := set_config('perimeter.jurisdiction', coalesce(jurisdiction::text, ''), true);
    RETURN jurisdiction;
END $$;

DROP FUNCTION IF EXISTS perimeter_enter(text, text);

-- Set the bank and its jurisdiction, which is known by now; return what the state's clock says and,
-- if a command's key is named, what came of claiming it.
CREATE OR REPLACE FUNCTION perimeter_enter(
    bank text, jurisdiction text, p_user uuid, p_key text, p_lock integer,
    OUT business_at timestamptz, OUT wall_at timestamptz, OUT rate numeric,
    OUT is_ours boolean, OUT request_sha256 text, OUT status smallint, OUT body text
)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    said text := set_config('perimeter.bank', bank, true);
BEGIN
    said := set_config('perimeter.jurisdiction', jurisdiction, true);
    SELECT clock_business_at, clock_wall_at, clock_rate INTO business_at, wall_at, rate
      FROM common_jurisdiction WHERE id = jurisdiction::uuid;
    IF p_key IS NOT NULL THEN
        SELECT * INTO is_ours, request_sha256, status, body
          FROM perimeter_claim_key(p_user, p_key, p_lock);
    END IF;
END $$;

-- Every bank's id, and nothing else of it: for jobs that go through the banks one by one.
-- The pattern of a look-up across tenants: a definer function, and a policy that opens the table to
-- its owner while the function has `perimeter.lookup` on. (A SET clause would need a superuser.)
CREATE OR REPLACE FUNCTION perimeter_bank_ids() RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM set_config('perimeter.lookup', 'on', true);
    RETURN QUERY SELECT id FROM common_bank ORDER BY id;
    PERFORM set_config('perimeter.lookup', '', true);
END $$;

DROP POLICY IF EXISTS lookup ON common_bank;
CREATE POLICY lookup ON common_bank FOR SELECT TO perimeter_owner
    USING (current_setting('perimeter.lookup', true) = 'on');

-- Refuses whatever statement it is put on, from any role: what is written stays.
CREATE OR REPLACE FUNCTION perimeter_append_only() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'PM002';
END $$;
