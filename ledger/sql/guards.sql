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

-- Whoever inserts postings: they are of an entry that this transaction wrote, in a book of its bank, on
-- that book's open day; and each entry touched is zero in every asset. A statement writes the whole of
-- an entry, so the check needs no deferring. (Foreign keys would lock hot rows for every writer. The
-- accounts are looked up by the definer functions in the entry's own book; `verify` proves it.)
CREATE OR REPLACE FUNCTION ledger_entries_balance() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    v_broken record;
BEGIN
    SELECT said.*, e.id AS found, e.is_of_now INTO v_broken
      FROM (SELECT entry_id, bank_id, business_date, asset_id, sum(amount) AS off FROM added
             GROUP BY entry_id, bank_id, business_date, asset_id) AS said
      -- LIMIT 1: planned once, for a few rows or for thousands, it goes by the index.
      LEFT JOIN LATERAL (
          SELECT e.id, b.open_date = e.business_date
                       AND e.txid = pg_current_xact_id()::text::bigint AS is_of_now
            FROM ledger_entry AS e
            JOIN ledger_book AS b ON b.id = e.book_id AND b.bank_id = e.bank_id
           WHERE e.id = said.entry_id AND e.bank_id = said.bank_id
             AND e.business_date = said.business_date LIMIT 1) AS e ON true
     WHERE said.off <> 0 OR e.is_of_now IS NOT TRUE LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM ledger_refuse(
        CASE WHEN v_broken.found IS NULL THEN 'ENTRY_UNKNOWN'
             WHEN NOT v_broken.is_of_now THEN 'DAY_NOT_OPEN'
             ELSE 'ENTRY_UNBALANCED' END,
        jsonb_build_object('entry', v_broken.entry_id, 'asset', v_broken.asset_id,
                           'off', v_broken.off::text));
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER entries_balance AFTER INSERT ON ledger_posting
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_balance();

DROP TRIGGER IF EXISTS entries_are_of_now ON ledger_entry;
DROP FUNCTION IF EXISTS ledger_entries_are_of_now();
