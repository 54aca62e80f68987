-- Who logs in and whose API key it is, asked before a bank is known. Row-level security shows the
-- application nobody then; these three functions show one row of what their caller named.

DROP POLICY IF EXISTS lookup ON common_jurisdiction;
CREATE POLICY lookup ON common_jurisdiction FOR SELECT TO perimeter_owner
    USING (current_setting('perimeter.lookup', true) = 'on');
DROP POLICY IF EXISTS lookup ON common_user;
CREATE POLICY lookup ON common_user FOR SELECT TO perimeter_owner
    USING (current_setting('perimeter.lookup', true) = 'on');
DROP POLICY IF EXISTS lookup ON common_apikey;
CREATE POLICY lookup ON common_apikey FOR SELECT TO perimeter_owner
    USING (current_setting('perimeter.lookup', true) = 'on');

-- The house behind the @ of a login: a bank by its code, or the state as `gov.` and the code of its
-- jurisdiction. No code holds a dot, so the two never meet.
CREATE OR REPLACE FUNCTION perimeter_house(code text)
RETURNS TABLE (bank_id uuid, jurisdiction_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM set_config('perimeter.lookup', 'on', true);
    RETURN QUERY
        SELECT bank.id, bank.jurisdiction_id FROM common_bank bank WHERE bank.code = $1
        UNION ALL
        SELECT NULL, state.id FROM common_jurisdiction state WHERE 'gov.' || state.code = $1;
    PERFORM set_config('perimeter.lookup', '', true);
END $$;

-- The active user of that name in that house, with the hash of the password.
CREATE OR REPLACE FUNCTION perimeter_login(username text, code text)
RETURNS TABLE (id uuid, bank_id uuid, jurisdiction_id uuid, password text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    house record;
BEGIN
    SELECT * INTO house FROM perimeter_house($2);
    PERFORM set_config('perimeter.lookup', 'on', true);
    RETURN QUERY
        SELECT person.id, person.bank_id, person.jurisdiction_id, person.password::text
        FROM common_user person
        WHERE person.jurisdiction_id = house.jurisdiction_id
          AND person.bank_id IS NOT DISTINCT FROM house.bank_id
          AND person.username = $1 AND person.is_active;
    PERFORM set_config('perimeter.lookup', '', true);
END $$;

DROP FUNCTION IF EXISTS perimeter_api_key(text);  -- it returned a table, which is filled and read

-- The key of that prefix, if it is not revoked and its user is active; else NULL in each place.
CREATE FUNCTION perimeter_api_key(
    prefix text,
    OUT user_id uuid, OUT bank_id uuid, OUT jurisdiction_id uuid, OUT role text,
    OUT scopes text[], OUT secret_sha256 text, OUT expires_at timestamptz
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    said text := set_config('perimeter.lookup', 'on', true);
BEGIN
    SELECT person.id, person.bank_id, person.jurisdiction_id, person.role,
           key.scopes, key.secret_sha256, key.expires_at
      INTO user_id, bank_id, jurisdiction_id, role, scopes, secret_sha256, expires_at
      FROM common_apikey key JOIN common_user person ON person.id = key.user_id
     WHERE key.prefix = $1 AND key.revoked_at IS NULL AND person.is_active;
    said := set_config('perimeter.lookup', '', true);
END $$;
