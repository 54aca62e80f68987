-- Closing a day and cutting the stream of entries.

CREATE OR REPLACE FUNCTION ledger_chain_step(state bytea, item bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT sha256(coalesce(state, ''::bytea) || item) $$;

-- The chain: each value is the digest of the one before it and the item.
CREATE OR REPLACE AGGREGATE ledger_chain(bytea) (sfunc = ledger_chain_step, stype = bytea);

-- The last link of a chain from `start` over a day's digests, in order; `start` where there is none.
CREATE OR REPLACE FUNCTION ledger_seal(start bytea, digests bytea[]) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    v_digest bytea;
BEGIN
    IF cardinality(digests) > 0 THEN
        start := ledger_chain_step(NULL, start);
    END IF;
    FOREACH v_digest IN ARRAY coalesce(digests, '{}') LOOP
        start := ledger_chain_step(start, v_digest);
    END LOOP;
    RETURN start;
END $$;

-- Keep every writer out of the book until the transaction ends; those under way finish first.
-- Taken before any balance is locked.
CREATE OR REPLACE FUNCTION ledger_stop_writers(p_book uuid) RETURNS date
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7001, hashtext(p_book::text));
    RETURN (SELECT open_date FROM ledger_book WHERE id = p_book);
END $$;

-- Seal the open day `p_date`: number and chain its entries, snapshot what moved, open `p_next`.
-- Writers are kept out by `ledger_stop_writers` in the same transaction.
CREATE OR REPLACE FUNCTION ledger_seal_day(
    p_book uuid, p_close uuid, p_date date, p_next date, p_actor text, p_at timestamptz
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_bank uuid := perimeter_bank();
    v_before ledger_dayclose;
    v_number integer;
    v_first bigint;
    v_count bigint;
    v_digests bytea[];
    v_trial jsonb;
    v_start bytea;
BEGIN
    PERFORM ledger_stop_writers(p_book);
    UPDATE ledger_book SET open_date = p_next
     WHERE id = p_book AND open_date = p_date AND p_next > p_date AND p_next <= p_date + 31;
    IF NOT FOUND THEN
        PERFORM ledger_refuse('DAY_NOT_OPEN', jsonb_build_object('book', p_book, 'date', p_date));
    END IF;
    SELECT * INTO v_before FROM ledger_dayclose WHERE book_id = p_book ORDER BY number DESC LIMIT 1;
    v_number := coalesce(v_before.number, 0) + 1;
    v_first := coalesce(v_before.last_number, 0) + 1;
    v_start := coalesce(v_before.head, sha256(convert_to(p_book::text, 'UTF8')));
    SELECT count(*), array_agg(digest ORDER BY id) INTO v_count, v_digests FROM ledger_entry
     WHERE book_id = p_book AND business_date = p_date;
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'line', line, 'asset', asset_id, 'debit', trim_scale(debit)::text,
               'credit', trim_scale(credit)::text, 'balance', trim_scale(balance)::text) ORDER BY line, asset_id), '[]')
      INTO v_trial
      FROM ledger_trial_balance(p_book, p_date);

    INSERT INTO ledger_dayclose (id, bank_id, book_id, number, business_date, first_number,
                                 last_number, trial_balance, head, at, recorded_at, actor)
    VALUES (p_close, v_bank, p_book, v_number, p_date, v_first, v_first + v_count - 1, v_trial,
            ledger_head(ledger_seal(v_start, v_digests), v_number, p_date, p_at,
                        statement_timestamp(), p_actor, v_trial),
            p_at, statement_timestamp(), p_actor);

    INSERT INTO ledger_chainlink (bank_id, close_id, number, entry_id, digest, link)
    SELECT v_bank, p_close, v_first + n - 1, id, digest, link
      FROM (SELECT n, id, digest, ledger_chain(digest) OVER (ORDER BY n) AS link
              FROM (SELECT 0 AS n, NULL::uuid AS id, v_start AS digest
                    UNION ALL
                    SELECT row_number() OVER (ORDER BY id), id, digest FROM ledger_entry
                     WHERE book_id = p_book AND business_date = p_date) AS day) AS chained
     WHERE n > 0;

    -- What moved, with the day's turnovers; the balance goes on from the last snapshot.
    INSERT INTO ledger_snapshot (bank_id, close_id, account_id, business_date, debit, credit, balance)
    SELECT v_bank, p_close, m.account_id, p_date, m.debit, m.credit,
           coalesce((SELECT s.balance FROM ledger_snapshot AS s
                      WHERE s.account_id = m.account_id
                      ORDER BY s.business_date DESC LIMIT 1), 0) + (m.debit - m.credit) * a.normal
      FROM (SELECT p.account_id,
                   coalesce(sum(p.amount) FILTER (WHERE p.amount > 0), 0) AS debit,
                   coalesce(-sum(p.amount) FILTER (WHERE p.amount < 0), 0) AS credit
              FROM ledger_account AS a
              JOIN ledger_posting AS p ON p.account_id = a.id
             WHERE a.book_id = p_book AND p.business_date = p_date
             GROUP BY p.account_id) AS m
      JOIN ledger_account AS a ON a.id = m.account_id;
END $$;

-- The head of a closed day: its last link, and all that the close says, in one digest.
CREATE OR REPLACE FUNCTION ledger_head(
    link bytea, number integer, day date, at timestamptz, recorded_at timestamptz, actor text,
    trial jsonb
) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT sha256(link || convert_to(format(
        '%s|%s|%s|%s|%L|%s', number, day - date '2000-01-01', extract(epoch FROM at),
        extract(epoch FROM recorded_at), actor::varchar(64), trial
    ), 'UTF8'))
$$;

-- Line by line and asset by asset, from postings alone: the turnovers of `p_date`, and the balance
-- at its end on the line's normal side. Lines on which nothing was posted by then are left out: an
-- account that is opened later changes no day that is closed.
CREATE OR REPLACE FUNCTION ledger_trial_balance(p_book uuid, p_date date)
RETURNS TABLE (line varchar, asset_id varchar, debit numeric, credit numeric, balance numeric)
LANGUAGE sql STABLE
AS $$
    SELECT a.line, a.asset_id, coalesce(sum(t.debit), 0), coalesce(sum(t.credit), 0),
           sum(coalesce(l.balance, 0) + coalesce(t.net * a.normal, 0))
      FROM ledger_account AS a
      LEFT JOIN LATERAL (
          SELECT s.business_date, s.balance FROM ledger_snapshot AS s
           WHERE s.account_id = a.id AND s.business_date < p_date
           ORDER BY s.business_date DESC LIMIT 1) AS l ON true
     CROSS JOIN LATERAL (
          SELECT sum(p.amount) FILTER (WHERE p.amount > 0 AND p.business_date = p_date) AS debit,
                 -sum(p.amount) FILTER (WHERE p.amount < 0 AND p.business_date = p_date) AS credit,
                 sum(p.amount) AS net
            FROM ledger_posting AS p
           WHERE p.account_id = a.id AND p.business_date <= p_date
             AND p.business_date > coalesce(l.business_date, '-infinity')) AS t
     WHERE a.book_id = p_book AND (l.balance IS NOT NULL OR t.net IS NOT NULL)
     GROUP BY a.line, a.asset_id
$$;

-- The next cut: what came since the last one, up to the oldest transaction still in flight.
CREATE OR REPLACE FUNCTION ledger_take_cut(p_cut uuid, p_book uuid, p_at timestamptz)
RETURNS SETOF ledger_cut
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM FROM ledger_book WHERE id = p_book FOR NO KEY UPDATE;  -- one cut at a time
    IF NOT FOUND THEN
        PERFORM ledger_refuse('BOOK_UNKNOWN', jsonb_build_object('book', p_book));
    END IF;
    RETURN QUERY
        INSERT INTO ledger_cut (id, bank_id, book_id, number, low_txid, high_txid, at)
        SELECT p_cut, perimeter_bank(), p_book, coalesce(max(number), 0) + 1,
               coalesce(max(high_txid), 0),
               pg_snapshot_xmin(pg_current_snapshot())::text::bigint, p_at
          FROM ledger_cut WHERE book_id = p_book
        RETURNING *;
END $$;
