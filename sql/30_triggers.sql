-- Backends keep copies of these tables. Statements that write one tell them through these triggers, also where
-- session_replication_role is replica. (Apply workers of logical replication fire no statement triggers.)

CREATE TRIGGER invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON categorize.taxonomy
    FOR EACH STATEMENT EXECUTE FUNCTION categorize.invalidate();
ALTER TABLE categorize.taxonomy ENABLE ALWAYS TRIGGER invalidate;

CREATE TRIGGER invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON categorize.category
    FOR EACH STATEMENT EXECUTE FUNCTION categorize.invalidate();
ALTER TABLE categorize.category ENABLE ALWAYS TRIGGER invalidate;

CREATE TRIGGER invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON categorize.rule
    FOR EACH STATEMENT EXECUTE FUNCTION categorize.invalidate();
ALTER TABLE categorize.rule ENABLE ALWAYS TRIGGER invalidate;

CREATE TRIGGER invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON categorize.correction
    FOR EACH STATEMENT EXECUTE FUNCTION categorize.invalidate();
ALTER TABLE categorize.correction ENABLE ALWAYS TRIGGER invalidate;

-- learn() tells by itself of new rows in the cache; a changed or removed one needs to be told of.
CREATE TRIGGER invalidate AFTER UPDATE OR DELETE OR TRUNCATE ON categorize.cache
    FOR EACH STATEMENT EXECUTE FUNCTION categorize.invalidate();
ALTER TABLE categorize.cache ENABLE ALWAYS TRIGGER invalidate;

CREATE TRIGGER invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON categorize.local_model
    FOR EACH STATEMENT EXECUTE FUNCTION categorize.invalidate();
ALTER TABLE categorize.local_model ENABLE ALWAYS TRIGGER invalidate;

CREATE TRIGGER invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON categorize.quality
    FOR EACH STATEMENT EXECUTE FUNCTION categorize.invalidate();
ALTER TABLE categorize.quality ENABLE ALWAYS TRIGGER invalidate;

CREATE TRIGGER invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON categorize.provider
    FOR EACH STATEMENT EXECUTE FUNCTION categorize.invalidate();
ALTER TABLE categorize.provider ENABLE ALWAYS TRIGGER invalidate;

CREATE TRIGGER invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON categorize.model
    FOR EACH STATEMENT EXECUTE FUNCTION categorize.invalidate();
ALTER TABLE categorize.model ENABLE ALWAYS TRIGGER invalidate;

CREATE TRIGGER invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON categorize.price
    FOR EACH STATEMENT EXECUTE FUNCTION categorize.invalidate();
ALTER TABLE categorize.price ENABLE ALWAYS TRIGGER invalidate;

CREATE TRIGGER invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON categorize.budget
    FOR EACH STATEMENT EXECUTE FUNCTION categorize.invalidate();
ALTER TABLE categorize.budget ENABLE ALWAYS TRIGGER invalidate;
