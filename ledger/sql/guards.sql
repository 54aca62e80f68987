-- What no role gets past: constraints that Django cannot say, append-only, balanced entries.

DO $$
DECLARE
    guard record;
BEGIN
    FOR guard IN SELECT * FROM (VALUES
        ('ledger_hold', 'ledger_hold_is_number', 'amount <> ''NaN'''),
        ('ledger_hold', 'ledger_hold_ends_once', '(status = ''PENDING'') = (ended_at IS NULL)'),
        ('ledger_account', 'ledger_account_kept_as_known',
         'control IN (''client'', ''house'', ''open'') AND normal IN (1, -1)'
         ' AND (control = ''client'') = (owner <> '''')'),
        ('ledger_snapshot', 'ledger_snapshot_is_number',
         'debit <> ''NaN'' AND credit <> ''NaN'' AND balance <> ''NaN''')
    ) AS guards (relation, name, rule)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_constraint
                        WHERE conrelid = guard.relation::regclass AND conname = guard.name) THEN
            EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I CHECK (%s)',
                           guard.relation, guard.name, guard.rule);
        END IF;
    END LOOP;

    -- Written once: never changed, deleted or emptied.
    FOR guard IN SELECT unnest(ARRAY['ledger_entry', 'ledger_posting', 'ledger_dayclose',
                                     'ledger_chainlink', 'ledger_snapshot', 'ledger_cut'])
                        AS relation
    LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE'
                       ' ON %I FOR EACH STATEMENT EXECUTE FUNCTION perimeter_append_only()',
                       guard.relation);
    END LOOP;
    -- Changed by the functions, but never taken away.
    FOR guard IN SELECT unnest(ARRAY['ledger_book', 'ledger_account', 'ledger_balance',
                                     'ledger_hold']) AS relation
    LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER append_only BEFORE DELETE OR TRUNCATE'
                       ' ON %I FOR EACH STATEMENT EXECUTE FUNCTION perimeter_append_only()',
                       guard.relation);
    END LOOP;
END $$;

-- A balance is updated again and again: room on its page keeps the index out of it.
ALTER TABLE ledger_balance SET (fillfactor = 60);

-- Whoever inserts postings: each is of an entry and on an account of its bank and asset, and each
-- entry touched is zero in every asset. A statement writes the whole of an entry, so the check needs
-- no deferring. (Foreign keys would lock the house's accounts for every writer, row by row.)
CREATE OR REPLACE FUNCTION ledger_entries_balance() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    v_broken record;
BEGIN
    SELECT p.entry_id, p.asset_id, sum(p.amount) AS off,
           count(e.id) < count(*) AS no_entry, count(a.id) < count(*) AS no_account
      INTO v_broken
      FROM added AS p
      -- LIMIT 1: planned once, for a few rows or for thousands, it goes by the index.
      LEFT JOIN LATERAL (
          SELECT id FROM ledger_entry WHERE id = p.entry_id AND bank_id = p.bank_id
             AND business_date = p.business_date LIMIT 1) AS e ON true
      LEFT JOIN LATERAL (
          SELECT id FROM ledger_account WHERE id = p.account_id AND bank_id = p.bank_id
             AND asset_id = p.asset_id LIMIT 1) AS a ON true
     GROUP BY p.entry_id, p.asset_id
    HAVING sum(p.amount) <> 0 OR count(e.id) < count(*) OR count(a.id) < count(*) LIMIT 1;
    IF v_broken.no_entry OR v_broken.no_account THEN
        PERFORM ledger_refuse(
            CASE WHEN v_broken.no_entry THEN 'ENTRY_UNKNOWN' ELSE 'ACCOUNT_UNKNOWN' END,
            jsonb_build_object('entry', v_broken.entry_id));
    ELSIF FOUND THEN
        PERFORM ledger_refuse('ENTRY_UNBALANCED', jsonb_build_object(
            'entry', v_broken.entry_id, 'asset', v_broken.asset_id, 'off', v_broken.off::text));
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER entries_balance AFTER INSERT ON ledger_posting
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_balance();

-- Whoever inserts an entry: it is in a book of its bank, on that book's open day, and written by the
-- running transaction.
CREATE OR REPLACE FUNCTION ledger_entries_are_of_now() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    v_open date;
BEGIN
    SELECT open_date INTO v_open FROM ledger_book
     WHERE id = NEW.book_id AND bank_id = NEW.bank_id;
    IF v_open = NEW.business_date AND NEW.txid = pg_current_xact_id()::text::bigint THEN
        RETURN NULL;
    END IF;
    PERFORM ledger_refuse(CASE WHEN v_open IS NULL THEN 'BOOK_UNKNOWN' ELSE 'DAY_NOT_OPEN' END,
                          jsonb_build_object('entry', NEW.id));
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER entries_are_of_now AFTER INSERT ON ledger_entry
    FOR EACH ROW EXECUTE FUNCTION ledger_entries_are_of_now();
