\echo Use "ALTER EXTENSION pg_categorize UPDATE" to load this file. \quit

-- 0.6.0: batches at the speed of the tables that they fill.
