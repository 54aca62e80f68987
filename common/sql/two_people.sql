-- What was decided stays decided: only the result is written after, once, by what the approval did.
CREATE OR REPLACE FUNCTION perimeter_decided_once() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF (OLD.status <> 'PENDING' AND (OLD.result IS NOT NULL
            OR to_jsonb(NEW) - 'result' <> to_jsonb(OLD) - 'result'))
        OR (NEW.maker, NEW.made_at, NEW.kind, NEW.subject, NEW.payload)
            <> (OLD.maker, OLD.made_at, OLD.kind, OLD.subject, OLD.payload) THEN
        RAISE EXCEPTION 'a proposal is made once and decided once' USING ERRCODE = 'PM002';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER decided_once BEFORE UPDATE ON common_proposal
    FOR EACH ROW EXECUTE FUNCTION perimeter_decided_once();
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON common_proposal
    FOR EACH STATEMENT EXECUTE FUNCTION perimeter_append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON common_statuschange
    FOR EACH STATEMENT EXECUTE FUNCTION perimeter_append_only();
