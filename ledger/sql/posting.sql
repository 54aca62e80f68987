-- The only way into the books. Definer functions: the application's role may not touch the tables.
-- Refusals: SQLSTATE PM001, the message is the code, DETAIL a JSON object of facts.
-- Lock order: the book's day (shared), then clients' balances by id, then house balances by id.

CREATE OR REPLACE FUNCTION ledger_refuse(code text, facts jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '%', code USING ERRCODE = 'PM001', DETAIL = facts::text;
END $$;

-- The book's open day, which stays open until this transaction ends: its close waits for the lock.
CREATE OR REPLACE FUNCTION ledger_enter_day(p_book uuid) RETURNS date
LANGUAGE plpgsql
AS $$
DECLARE
    v_date date;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7001, hashtext(p_book::text));
    SELECT open_date INTO v_date FROM ledger_book WHERE id = p_book;
    IF NOT FOUND THEN
        PERFORM ledger_refuse('BOOK_UNKNOWN', jsonb_build_object('book', p_book));
    END IF;
    RETURN v_date;
END $$;

-- All that an entry says, in one digest; each text as its column keeps it, which cuts off spaces.
-- `lines`: "account:amount:balance_after" by line, comma-joined.
CREATE OR REPLACE FUNCTION ledger_digest(
    id uuid, bank uuid, book uuid, kind text, business_date date, value_date date, at timestamptz,
    recorded_at timestamptz, actor text, reason text, request_id text, ref text, reverses uuid,
    txid bigint, lines text
) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT sha256(convert_to(format(
        '%s|%s|%s|%L|%s|%s|%s|%s|%L|%L|%L|%L|%s|%s|%s',
        id, bank, book, kind::varchar(32),
        business_date - date '2000-01-01', value_date - date '2000-01-01',
        extract(epoch FROM at), extract(epoch FROM recorded_at), actor::varchar(64),
        reason::varchar(500), request_id::varchar(64), ref::varchar(64), reverses, txid, lines
    ), 'UTF8'))
$$;

-- Refuse a reversal among `p_entries` that is not the opposite of what it reverses.
CREATE OR REPLACE FUNCTION ledger_check_reversals(p_entries uuid[]) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    v_broken uuid;
BEGIN
    SELECT id INTO v_broken FROM ledger_entry AS r
     WHERE id = ANY (p_entries) AND reverses_id IS NOT NULL
       AND EXISTS (SELECT FROM ledger_posting WHERE entry_id IN (r.id, r.reverses_id)
                    GROUP BY account_id HAVING sum(amount) <> 0 OR count(*) <> 2) LIMIT 1;
    IF FOUND THEN
        PERFORM ledger_refuse('REVERSAL_NOT_MIRROR', jsonb_build_object('entry', v_broken));
    END IF;
END $$;

-- Post entries, all or none, in the caller's transaction; return the business day they book to.
-- Arrays run in parallel: `entries`, `kinds`, ... one element an entry; `line_*` one a posting,
-- with `line_entries` its entry's place (from 1). Amounts are signed, debit positive.
-- `holds` are spent first: what they reserve is free for the lines.
CREATE OR REPLACE FUNCTION ledger_post_entries(
    p_book uuid, p_actor text, p_request_id text,
    p_entries uuid[], p_kinds text[], p_ats timestamptz[], p_value_dates date[],
    p_reasons text[], p_refs text[], p_reverses uuid[],
    p_line_entries integer[], p_line_accounts uuid[], p_line_amounts numeric[],
    p_holds uuid[]
) RETURNS date
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    v_bank uuid := perimeter_bank();
    v_date date;
    v_locked uuid[];
    v_balances numeric[];
    v_held numeric[];
    v_assets text[];
    v_normals smallint[];
    v_after numeric[];
    v_empty uuid;
    v_broken jsonb;
BEGIN
    -- 1. The day, and that there is something to post.
    v_date := ledger_enter_day(p_book);
    SELECT entry INTO v_empty FROM unnest(p_entries) WITH ORDINALITY AS e (entry, n)
     WHERE NOT EXISTS (SELECT FROM unnest(p_line_entries) AS l (entry_no) WHERE entry_no = n)
     ORDER BY n LIMIT 1;
    IF FOUND OR cardinality(p_entries) = 0 THEN
        PERFORM ledger_refuse('ENTRY_EMPTY', jsonb_strip_nulls(jsonb_build_object('entry', v_empty)));
    END IF;

    -- 2. Holds end first, so that what they reserved counts as free below.
    IF cardinality(p_holds) > 0 THEN
        PERFORM ledger_close_holds(p_holds, 'POSTED', p_actor, p_ats[1], p_line_accounts);
    END IF;

    -- 3. Lock and read the running balances.
    SELECT array_agg(account_id), array_agg(balance), array_agg(held)
      INTO v_locked, v_balances, v_held
      FROM (SELECT account_id, balance, held FROM ledger_balance
             WHERE account_id = ANY (p_line_accounts)
             ORDER BY house, account_id
               FOR UPDATE  -- the lock
           ) AS locked;

    -- 4. Decide. A line is judged on the balance that the lines before it leave. What does not fit
    -- the column is at least 1e20, and so are Infinity and NaN, which PostgreSQL sorts last.
    WITH summed AS (
        SELECT l.n, l.entry_no, l.account_id, l.amount, a.asset_id, a.normal, a.scale, a.control,
               lag(l.entry_no) OVER account = l.entry_no AS twice,
               b.balance + sum(l.amount * a.normal) OVER account AS after,
               b.held
          FROM unnest(p_line_entries, p_line_accounts, p_line_amounts)
               WITH ORDINALITY AS l (entry_no, account_id, amount, n)
          LEFT JOIN ledger_account AS a ON a.id = l.account_id AND a.book_id = p_book
          LEFT JOIN unnest(v_locked, v_balances, v_held) AS b (account_id, balance, held)
               ON b.account_id = l.account_id
        WINDOW account AS (PARTITION BY l.account_id ORDER BY l.n)
    ), judged AS (
        SELECT *, CASE
                   WHEN twice THEN 'ACCOUNT_TWICE'
                   WHEN asset_id IS NULL THEN 'ACCOUNT_UNKNOWN'
                   WHEN amount = 0 OR greatest(abs(amount), after) >= 1e20
                       OR amount <> round(amount, scale) THEN 'AMOUNT_INVALID'
                   WHEN after < held AND amount * normal < 0 THEN
                       CASE control WHEN 'client' THEN 'INSUFFICIENT_FUNDS'
                                    ELSE 'INVENTORY_SHORT' END
               END AS code
          FROM summed
    )
    SELECT array_agg(asset_id ORDER BY n), array_agg(normal ORDER BY n),
           array_agg(after ORDER BY n),
           (array_agg(jsonb_build_object(
                'code', code, 'entry', p_entries[entry_no],
                'line', n - array_position(p_line_entries, entry_no) + 1,
                'account', account_id, 'asset', asset_id, 'amount', amount::text,
                'available', CASE WHEN code IN ('INSUFFICIENT_FUNDS', 'INVENTORY_SHORT')
                                  THEN trim_scale(after - amount * normal - held)::text END
            ) ORDER BY n) FILTER (WHERE code IS NOT NULL))[1]
      INTO v_assets, v_normals, v_after, v_broken
      FROM judged;
    IF v_broken IS NOT NULL THEN
        PERFORM ledger_refuse(v_broken ->> 'code', jsonb_strip_nulls(v_broken - 'code'));
    END IF;

    -- 5. Write. Triggers hold the balance of each entry; CHECKs hold the balance of each account.
    WITH line AS (
        SELECT * FROM unnest(p_line_entries, p_line_accounts, p_line_amounts, v_assets, v_normals,
                             v_after)
               WITH ORDINALITY AS l (entry_no, account_id, amount, asset_id, normal, after, n)
    ), moved AS (
        UPDATE ledger_balance AS b SET balance = b.balance + d.delta
          FROM (SELECT account_id, sum(amount * normal) AS delta FROM line
                 WHERE after IS NOT NULL GROUP BY account_id) AS d
         WHERE b.account_id = d.account_id
    ), posted AS (
        INSERT INTO ledger_posting
               (bank_id, entry_id, line, account_id, asset_id, amount, balance_after, business_date)
        SELECT v_bank, p_entries[entry_no], n - min(n) OVER (PARTITION BY entry_no) + 1,
               account_id, asset_id, amount, after, v_date
          FROM line ORDER BY n
        RETURNING entry_id, line, account_id, amount, balance_after
    ), said AS (
        SELECT entry_id, string_agg(
                   concat(account_id, ':', amount, ':', balance_after), ',' ORDER BY line) AS lines
          FROM posted GROUP BY entry_id
    )
    INSERT INTO ledger_entry
           (id, bank_id, book_id, kind, business_date, value_date, at, recorded_at, actor, reason,
            request_id, ref, reverses_id, txid, digest)
    SELECT e.id, v_bank, p_book, e.kind, v_date, coalesce(e.value_date, v_date), e.at,
           statement_timestamp(), p_actor, e.reason, p_request_id, e.ref, e.reverses,
           pg_current_xact_id()::text::bigint,
           ledger_digest(e.id, v_bank, p_book, e.kind, v_date, coalesce(e.value_date, v_date), e.at,
                         statement_timestamp(), p_actor, e.reason, p_request_id, e.ref, e.reverses,
                         pg_current_xact_id()::text::bigint, said.lines)
      FROM unnest(p_entries, p_kinds, p_ats, p_value_dates, p_reasons, p_refs, p_reverses)
           AS e (id, kind, at, value_date, reason, ref, reverses)
      JOIN said ON said.entry_id = e.id;
    IF cardinality(p_holds) > 0 THEN
        UPDATE ledger_hold SET entry_id = p_entries[1] WHERE id = ANY (p_holds);
    END IF;
    IF array_remove(p_reverses, NULL) <> '{}' THEN
        PERFORM ledger_check_reversals(p_entries);
    END IF;
    RETURN v_date;
END $$;

-- One entry: the same rules and the same rows, six times as fast as an array of one.
CREATE OR REPLACE FUNCTION ledger_post_entry(
    p_book uuid, p_actor text, p_request_id text,
    p_entry uuid, p_kind text, p_at timestamptz, p_value_date date, p_reason text, p_ref text,
    p_reverses uuid, p_accounts uuid[], p_amounts numeric[], p_holds uuid[]
) RETURNS date
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    v_bank uuid := perimeter_bank();
    v_date date;
    v_value_date date;
    v_row record;
    n integer;
    v_code text;
    v_assets text[];
    v_controls text[];
    v_scales smallint[];
    v_held numeric[];
    v_after numeric[];
    v_deltas numeric[];
    v_lines text[];
BEGIN
    -- As ledger_enter_day. An assignment is no statement of its own for the executor to set up.
    v_code := pg_advisory_xact_lock_shared(7001, hashtext(p_book::text));
    IF cardinality(p_accounts) = 0 THEN
        PERFORM ledger_enter_day(p_book), ledger_refuse('ENTRY_EMPTY', jsonb_build_object('entry', p_entry));
    END IF;
    -- Read by place below, and by `unnest`: both must see the same. (Anybody can turn ASSERT off.)
    IF (array_dims(p_accounts) = format('[1:%s]', cardinality(p_accounts))
        AND array_dims(p_amounts) = array_dims(p_accounts)) IS NOT TRUE THEN
        PERFORM ledger_enter_day(p_book), ledger_refuse('LINES_MALFORMED', jsonb_build_object('entry', p_entry));
    END IF;
    IF cardinality(p_holds) > 0 THEN
        v_date := ledger_enter_day(p_book);
        PERFORM ledger_close_holds(p_holds, 'POSTED', p_actor, p_at, p_accounts);
    END IF;

    FOR v_row IN
        SELECT account_id, balance, held FROM ledger_balance
         WHERE account_id = ANY (p_accounts)
         ORDER BY house, account_id
           FOR UPDATE  -- the lock
    LOOP
        n := array_position(p_accounts, v_row.account_id);
        v_after[n] := v_row.balance;
        v_held[n] := v_row.held;
    END LOOP;
    FOR v_row IN
        SELECT a.id, a.asset_id, a.normal, a.scale, a.control, b.open_date
          FROM ledger_account AS a JOIN ledger_book AS b ON b.id = a.book_id
         WHERE a.id = ANY (p_accounts) AND a.book_id = p_book
    LOOP
        v_date := v_row.open_date;
        n := array_position(p_accounts, v_row.id);
        v_assets[n] := v_row.asset_id;
        v_scales[n] := v_row.scale;
        v_controls[n] := v_row.control;
        v_deltas[n] := p_amounts[n] * v_row.normal;
        v_after[n] := v_after[n] + v_deltas[n];
    END LOOP;
    v_date := coalesce(v_date, ledger_enter_day(p_book));  -- no account was found: is there a book?
    v_value_date := coalesce(p_value_date, v_date);

    FOR n IN 1 .. cardinality(p_accounts) LOOP
        v_code := CASE
            WHEN array_position(p_accounts, p_accounts[n]) < n THEN 'ACCOUNT_TWICE'
            WHEN v_assets[n] IS NULL THEN 'ACCOUNT_UNKNOWN'
            WHEN p_amounts[n] = 0 OR greatest(abs(p_amounts[n]), v_after[n]) >= 1e20
                OR p_amounts[n] <> round(p_amounts[n], v_scales[n]) THEN 'AMOUNT_INVALID'
            WHEN v_after[n] < v_held[n] AND v_deltas[n] < 0 THEN
                CASE v_controls[n] WHEN 'client' THEN 'INSUFFICIENT_FUNDS'
                                   ELSE 'INVENTORY_SHORT' END
        END;
        IF v_code IS NOT NULL THEN
            PERFORM ledger_refuse(v_code, jsonb_strip_nulls(jsonb_build_object(
                'entry', p_entry, 'line', n, 'account', p_accounts[n],
                'asset', v_assets[array_position(p_accounts, p_accounts[n])],
                'amount', p_amounts[n]::text,
                'available', CASE WHEN v_code IN ('INSUFFICIENT_FUNDS', 'INVENTORY_SHORT')
                                  THEN trim_scale(v_after[n] - v_deltas[n] - v_held[n])::text END)));
        END IF;
        v_lines[n] := concat(p_accounts[n], ':', p_amounts[n]::numeric(38, 18), ':',
                             v_after[n]::numeric(38, 18));
    END LOOP;

    INSERT INTO ledger_entry
           (id, bank_id, book_id, kind, business_date, value_date, at, recorded_at, actor, reason,
            request_id, ref, reverses_id, txid, digest)
    VALUES (p_entry, v_bank, p_book, p_kind, v_date, v_value_date, p_at, statement_timestamp(),
            p_actor, p_reason, p_request_id, p_ref, p_reverses,
            pg_current_xact_id()::text::bigint,
            ledger_digest(p_entry, v_bank, p_book, p_kind, v_date, v_value_date, p_at,
                          statement_timestamp(), p_actor, p_reason, p_request_id, p_ref, p_reverses,
                          pg_current_xact_id()::text::bigint, array_to_string(v_lines, ',')));
    WITH line AS (
        SELECT * FROM unnest(p_accounts, p_amounts, v_assets, v_after, v_deltas)
               WITH ORDINALITY AS l (account_id, amount, asset_id, after, delta, line)
    ), moved AS (
        UPDATE ledger_balance AS b SET balance = b.balance + l.delta
          FROM line AS l
         WHERE b.account_id = ANY (p_accounts)  -- by the index, whatever the plan thinks of `line`
           AND b.account_id = l.account_id AND l.after IS NOT NULL
    )
    INSERT INTO ledger_posting
           (bank_id, entry_id, line, account_id, asset_id, amount, balance_after, business_date)
    SELECT v_bank, p_entry, line, account_id, asset_id, amount, after, v_date FROM line;
    IF cardinality(p_holds) > 0 THEN
        UPDATE ledger_hold SET entry_id = p_entry WHERE id = ANY (p_holds);
    END IF;
    IF p_reverses IS NOT NULL THEN
        PERFORM ledger_check_reversals(ARRAY[p_entry]);
    END IF;
    RETURN v_date;
END $$;
