-- Text in files, who reads them besides the bank, and that what was written stays.

-- A cell that people wrote, for CSV: on one line, and no spreadsheet takes it for a formula.
CREATE OR REPLACE FUNCTION reporting_cell(said text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN translate(CASE WHEN left(said, 1) IN ('=', '+', '-', '@', E'\t', E'\r') THEN '''' || said
                      ELSE said END, E'\r\n', '  ');

-- The same for an XML attribute: what XML cannot hold becomes U+FFFD. A backslash is written as a
-- reference, so that COPY has nothing to escape.
CREATE OR REPLACE FUNCTION reporting_attribute(said text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN regexp_replace(
    replace(replace(replace(replace(replace(replace(replace(replace(
        said, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), E'\\', '&#92;'),
        E'\t', '&#9;'), E'\n', '&#10;'), E'\r', '&#13;'),
    '[\u0001-\u001f\ufffe\uffff]', U&'\FFFD', 'g');

-- Compressing what is hashed and sent again as it is would cost more than the disk.
ALTER TABLE reporting_filechunk ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reporting_filechunk
    FOR EACH STATEMENT EXECUTE FUNCTION perimeter_append_only();

-- A whole file is not written to again.
CREATE OR REPLACE FUNCTION reporting_file_is_whole() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'a whole file is not changed' USING ERRCODE = 'PM002';
END $$;

CREATE OR REPLACE TRIGGER whole_stays BEFORE UPDATE ON reporting_reportfile
    FOR EACH ROW WHEN (OLD.sha256 <> '') EXECUTE FUNCTION reporting_file_is_whole();

-- An officer of the state reads what is addressed to the office. The tax service and the
-- intelligence unit act for no bank, as the application; `perimeter.recipient` says who asks.
DROP POLICY IF EXISTS recipient ON reporting_reportrun;
CREATE POLICY recipient ON reporting_reportrun FOR SELECT TO perimeter_app
    USING (perimeter_bank() IS NULL AND jurisdiction_id = perimeter_jurisdiction()
           AND recipient = current_setting('perimeter.recipient', true));
DROP POLICY IF EXISTS recipient ON reporting_reportfile;
CREATE POLICY recipient ON reporting_reportfile FOR SELECT TO perimeter_app
    USING (perimeter_bank() IS NULL AND run_id IN (SELECT id FROM reporting_reportrun));
DROP POLICY IF EXISTS recipient ON reporting_reportpart;
CREATE POLICY recipient ON reporting_reportpart FOR SELECT TO perimeter_app
    USING (perimeter_bank() IS NULL AND file_id IN (SELECT id FROM reporting_reportfile));
DROP POLICY IF EXISTS recipient ON reporting_filechunk;
CREATE POLICY recipient ON reporting_filechunk FOR SELECT TO perimeter_app
    USING (perimeter_bank() IS NULL AND file_id IN (SELECT id FROM reporting_reportfile));

-- The supervisor sees that a report to another office was made, but not what it says.
DROP POLICY IF EXISTS addressed ON reporting_filechunk;
CREATE POLICY addressed ON reporting_filechunk AS RESTRICTIVE FOR SELECT TO perimeter_supervisor
    USING (file_id IN (SELECT file.id FROM reporting_reportfile AS file
                         JOIN reporting_reportrun AS run ON run.id = file.run_id
                        WHERE run.recipient = 'supervisor'));
