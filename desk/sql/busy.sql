-- Which banks have orders that rest or payouts in flight: for the desk, before a bank is set.
CREATE OR REPLACE FUNCTION desk_busy_banks()
RETURNS TABLE (bank_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('perimeter.lookup', 'on', true);
    RETURN QUERY
        SELECT bank.id FROM common_bank AS bank
         WHERE EXISTS (SELECT FROM desk_order AS waiting
                        WHERE waiting.bank_id = bank.id
                          AND waiting.status IN ('NEW', 'PARTIALLY_FILLED'))
            OR EXISTS (SELECT FROM desk_withdrawal AS payout
                        WHERE payout.bank_id = bank.id AND payout.status = 'PAID');
    PERFORM set_config('perimeter.lookup', '', true);
END $$;

DROP POLICY IF EXISTS lookup ON desk_order;
CREATE POLICY lookup ON desk_order FOR SELECT TO perimeter_owner
    USING (current_setting('perimeter.lookup', true) = 'on');
DROP POLICY IF EXISTS lookup ON desk_withdrawal;
CREATE POLICY lookup ON desk_withdrawal FOR SELECT TO perimeter_owner
    USING (current_setting('perimeter.lookup', true) = 'on');
