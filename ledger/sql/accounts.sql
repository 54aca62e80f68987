-- Books, accounts and holds: the rest of what the books' definer functions write.

CREATE OR REPLACE FUNCTION ledger_open_book(p_book uuid, p_code text, p_open_date date,
                                            p_at timestamptz) RETURNS uuid
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    INSERT INTO ledger_book (id, bank_id, code, open_date, opened_at)
    VALUES (p_book, perimeter_bank(), p_code, p_open_date, p_at)
    RETURNING id
$$;

-- Open accounts that are not there yet; return all of them in the order asked for.
CREATE OR REPLACE FUNCTION ledger_open_accounts(
    p_book uuid, p_at timestamptz, p_ids uuid[], p_lines text[], p_assets text[], p_owners text[],
    p_shards smallint[], p_controls text[], p_normals smallint[]
) RETURNS SETOF uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM ledger_enter_day(p_book);
    WITH opened AS (
        INSERT INTO ledger_account (id, bank_id, book_id, line, asset_id, owner, shard, control,
                                    normal, scale, opened_at)
        SELECT w.id, perimeter_bank(), p_book, w.line, w.asset, w.owner, w.shard, w.control,
               w.normal, asset.scale, p_at
          FROM unnest(p_ids, p_lines, p_assets, p_owners, p_shards, p_controls, p_normals)
               AS w (id, line, asset, owner, shard, control, normal)
          JOIN common_asset AS asset ON asset.code = w.asset
         ORDER BY w.line, w.asset, w.owner, w.shard
            ON CONFLICT (book_id, line, asset_id, owner, shard) DO NOTHING
        RETURNING id, control, normal
    )
    INSERT INTO ledger_balance (account_id, bank_id, house, normal, balance, held)
    SELECT id, perimeter_bank(), control = 'house', normal, 0, 0
      FROM opened WHERE control <> 'open';
    RETURN QUERY
        SELECT account.id
          FROM unnest(p_lines, p_assets, p_owners, p_shards)
               WITH ORDINALITY AS w (line, asset, owner, shard, n)
          JOIN ledger_account AS account
            ON account.book_id = p_book AND account.line = w.line AND account.asset_id = w.asset
           AND account.owner = w.owner AND account.shard = w.shard
         ORDER BY w.n;
END $$;

-- Reserve a part of an account's balance.
CREATE OR REPLACE FUNCTION ledger_place_hold(
    p_hold uuid, p_account uuid, p_amount numeric, p_ref text, p_actor text, p_at timestamptz,
    p_expires_at timestamptz
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_account ledger_account;
    v_free numeric;
BEGIN
    SELECT * INTO v_account FROM ledger_account WHERE id = p_account;
    IF NOT FOUND OR v_account.control = 'open' THEN
        PERFORM ledger_refuse('ACCOUNT_UNKNOWN', jsonb_build_object('account', p_account));
    END IF;
    PERFORM ledger_enter_day(v_account.book_id);
    IF p_expires_at <= p_at THEN
        PERFORM ledger_refuse('HOLD_EXPIRED', jsonb_build_object('account', p_account));
    END IF;
    IF p_amount <= 0 OR p_amount >= 1e20 OR p_amount <> round(p_amount, v_account.scale) THEN
        PERFORM ledger_refuse('AMOUNT_INVALID', jsonb_build_object(
            'account', p_account, 'asset', v_account.asset_id, 'amount', p_amount::text));
    END IF;
    SELECT balance - held INTO v_free FROM ledger_balance
     WHERE account_id = p_account
       FOR UPDATE;  -- the lock
    IF v_free < p_amount THEN
        PERFORM ledger_refuse(
            CASE v_account.control WHEN 'client' THEN 'INSUFFICIENT_FUNDS' ELSE 'INVENTORY_SHORT' END,
            jsonb_build_object('account', p_account, 'asset', v_account.asset_id,
                               'amount', p_amount::text, 'available', trim_scale(v_free)::text));
    END IF;
    UPDATE ledger_balance SET held = held + p_amount WHERE account_id = p_account;
    INSERT INTO ledger_hold (id, bank_id, account_id, amount, status, ref, actor, placed_at,
                             expires_at, ended_by)
    VALUES (p_hold, perimeter_bank(), p_account, p_amount, 'PENDING', p_ref, p_actor, p_at,
            p_expires_at, '');
END $$;

-- Lock balances that the caller goes on to post to, in the one order, so that what is read of them
-- next stays true.
CREATE OR REPLACE FUNCTION ledger_lock_balances(p_book uuid, p_accounts uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_locked integer;
BEGIN
    PERFORM ledger_enter_day(p_book);
    SELECT count(*) INTO v_locked FROM (
        SELECT FROM ledger_balance
         WHERE account_id = ANY (p_accounts) AND bank_id = perimeter_bank()
         ORDER BY house, account_id
           FOR UPDATE) AS locked;
    IF v_locked IS DISTINCT FROM cardinality(p_accounts) THEN
        PERFORM ledger_refuse('ACCOUNT_UNKNOWN', jsonb_build_object('book', p_book));
    END IF;
END $$;

-- End pending holds as `p_status`; all or none. `p_also` are accounts that the caller goes on to
-- lock: they are locked here, in the one order, with the holds' own. Runs with its caller's rights.
CREATE OR REPLACE FUNCTION ledger_close_holds(
    p_holds uuid[], p_status text, p_actor text, p_at timestamptz, p_also uuid[]
) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
    v_ended integer;
    v_broken record;
BEGIN
    PERFORM ledger_enter_day(book_id) FROM (
        SELECT DISTINCT a.book_id FROM ledger_hold AS h JOIN ledger_account AS a ON a.id = h.account_id
         WHERE h.id = ANY (p_holds) AND h.bank_id = perimeter_bank() ORDER BY a.book_id) AS books;
    PERFORM FROM ledger_balance
      WHERE account_id = ANY (p_also)
         OR account_id IN (SELECT account_id FROM ledger_hold WHERE id = ANY (p_holds))
      ORDER BY house, account_id
        FOR UPDATE;
    SELECT wanted.id, h.id IS NOT NULL AS pending, h.expires_at INTO v_broken
      FROM unnest(p_holds) AS wanted (id)
      LEFT JOIN ledger_hold AS h
        ON h.id = wanted.id AND h.status = 'PENDING' AND h.bank_id = perimeter_bank()
     WHERE h.id IS NULL OR (p_status = 'POSTED' AND h.expires_at <= p_at)
        OR (p_status = 'EXPIRED' AND (h.expires_at <= p_at) IS NOT TRUE)
     ORDER BY h.id NULLS FIRST LIMIT 1;
    IF FOUND THEN
        PERFORM ledger_refuse(
            CASE WHEN NOT v_broken.pending THEN 'HOLD_NOT_PENDING'
                 WHEN p_status = 'POSTED' THEN 'HOLD_EXPIRED' ELSE 'HOLD_NOT_EXPIRED' END,
            jsonb_build_object('hold', v_broken.id));
    END IF;
    WITH ended AS (
        UPDATE ledger_hold SET status = p_status, ended_at = p_at, ended_by = p_actor
         WHERE id = ANY (p_holds) AND status = 'PENDING'
        RETURNING account_id, amount
    ), released AS (
        UPDATE ledger_balance AS b SET held = held - e.amount
          FROM (SELECT account_id, sum(amount) AS amount FROM ended GROUP BY account_id) AS e
         WHERE b.account_id = e.account_id
    )
    SELECT count(*) INTO v_ended FROM ended;
    RETURN v_ended;
END $$;

-- Let holds go: voided by whoever placed them, or expired. Only an entry spends one.
CREATE OR REPLACE FUNCTION ledger_end_holds(
    p_holds uuid[], p_status text, p_actor text, p_at timestamptz
) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF (p_status IN ('VOIDED', 'EXPIRED')) IS NOT TRUE THEN
        PERFORM ledger_refuse('HOLD_STATUS_UNKNOWN', jsonb_build_object('status', p_status));
    END IF;
    RETURN ledger_close_holds(p_holds, p_status, p_actor, p_at, '{}');
END $$;

-- Which banks have pending holds with an end, and their earliest: for the desk, before a bank is set.
CREATE OR REPLACE FUNCTION ledger_next_expiries()
RETURNS TABLE (bank_id uuid, expires_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('perimeter.lookup', 'on', true);
    RETURN QUERY
        SELECT bank.id, due.expires_at FROM common_bank AS bank
         CROSS JOIN LATERAL (
            SELECT hold.expires_at FROM ledger_hold AS hold
             WHERE hold.bank_id = bank.id AND hold.status = 'PENDING'
               AND hold.expires_at IS NOT NULL
             ORDER BY hold.expires_at LIMIT 1) AS due;
    PERFORM set_config('perimeter.lookup', '', true);
END $$;

DROP POLICY IF EXISTS lookup ON ledger_hold;
CREATE POLICY lookup ON ledger_hold FOR SELECT TO perimeter_owner
    USING (current_setting('perimeter.lookup', true) = 'on');
