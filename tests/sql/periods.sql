-- Periods of budgets where clocks change: one ends where the next begins, and each moment is in the one that holds then. The view is
-- read as it is, but at moments of our choice.
DO $$
BEGIN
    EXECUTE 'CREATE VIEW testing.budget_at AS ' || replace(pg_get_viewdef('categorize.effective_budget'),
                                                           'statement_timestamp()', 'current_setting(''testing.at'')::timestamptz');
END
$$;
CREATE TABLE testing.zone (name text, change timestamptz, what text);
INSERT INTO testing.zone VALUES
    ('America/Havana', '2020-11-01 05:00+00', 'from one to midnight, where a month begins'),
    ('America/Asuncion', '2023-03-26 03:00+00', 'from midnight to eleven'),
    ('America/St_Johns', '2010-11-07 02:31+00', 'from a minute past midnight to a minute past eleven'),
    ('Australia/Lord_Howe', '2023-04-01 15:00+00', 'from two to half past one'),
    ('Europe/Vienna', '2023-10-29 01:00+00', 'from three to two'),
    ('America/Asuncion', '2023-10-01 04:00+00', 'from midnight to one');
INSERT INTO categorize.budget (scope, scope_key, period, time_zone, limit_nanousd)
SELECT DISTINCT 'tenant', z.name, p, z.name, 1 FROM testing.zone z, unnest(ARRAY['day', 'month']) p;

-- Three days around each change, every ten minutes, and a microsecond before.
CREATE TABLE testing.seen (zone text, change timestamptz, period text, at timestamptz, starts_at timestamptz, ends_at timestamptz);
DO $$
DECLARE
    z testing.zone;
    moment timestamptz;
BEGIN
    FOR z IN SELECT * FROM testing.zone LOOP
        FOR moment IN SELECT m - o FROM generate_series(z.change - interval '36 hours', z.change + interval '36 hours', '10 minutes') m,
                                        (VALUES (interval '0'), (interval '1 microsecond')) v (o) LOOP
            PERFORM set_config('testing.at', moment::text, false);
            INSERT INTO testing.seen
            SELECT z.name, z.change, b.period, moment, b.starts_at, b.ends_at FROM testing.budget_at b WHERE b.scope_key = z.name;
        END LOOP;
    END LOOP;
END
$$;
SELECT count(*) AS moments, bool_and(starts_at <= at AND at < ends_at) AS each_in_its_period FROM testing.seen;
SELECT z.name, z.what, s.period, s.starts_at AT TIME ZONE 'UTC' AS starts_utc, s.starts_at AT TIME ZONE z.name AS starts,
       round(extract(epoch FROM s.ends_at - s.starts_at) / 3600, 1) AS hours,
       s.starts_at = lag(s.ends_at) OVER (PARTITION BY z.name, z.change, s.period ORDER BY s.starts_at) AS follows
  FROM (SELECT DISTINCT zone, change, period, starts_at, ends_at FROM testing.seen) s
  JOIN testing.zone z ON z.name = s.zone AND z.change = s.change
 ORDER BY z.change, s.period, s.starts_at;

DELETE FROM categorize.budget WHERE scope = 'tenant' AND scope_key LIKE '%/%';
DROP VIEW testing.budget_at;
DROP TABLE testing.zone, testing.seen;
