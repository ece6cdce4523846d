-- What categorize_detail() tells of one input.
CREATE TYPE categorize.decision AS (
    ordinality       int,
    input            text,
    category         text,
    confidence       real,
    source           text,
    origin           text,
    provider         text,
    model            text,
    upgraded         boolean,
    cost_usd         numeric,
    reason           text,
    taxonomy         text,
    taxonomy_version int,
    alternatives     jsonb,
    evidence         jsonb
);
