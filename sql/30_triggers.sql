-- Backends keep copies of these tables. Whoever writes one, in whatever way, tells them through these triggers; they
-- also fire where session_replication_role is replica.

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

-- A new answer in the cache changes nothing that a backend remembers; a changed or removed one does.
CREATE TRIGGER invalidate AFTER UPDATE OR DELETE OR TRUNCATE ON categorize.cache
    FOR EACH STATEMENT EXECUTE FUNCTION categorize.invalidate();
ALTER TABLE categorize.cache ENABLE ALWAYS TRIGGER invalidate;
