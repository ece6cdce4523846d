-- Language models and money: who can be asked, what it costs, how much may be spent, and where every nano-dollar went.
-- Amounts are nano-dollars; prices are nano-dollars for a million tokens.

-- A provider is bound to the database that it was added in: a clone sends nothing until adopt_database().
CREATE SEQUENCE categorize.provider_id_seq AS int START 1000 MINVALUE 1000;
CREATE TABLE categorize.provider (
    id                int PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.provider_id_seq'),
    name              text NOT NULL CHECK (name <> ''),
    kind              text NOT NULL CHECK (kind IN ('openai', 'systemone', 'anthropic', 'gemini')),
    base_url          text NOT NULL,
    -- Which key, never the key.
    key_env           text,
    key_file          text,
    -- They are asked in this order, the lowest first.
    priority          int NOT NULL DEFAULT 0,
    settings          jsonb NOT NULL DEFAULT '{}' CHECK (pg_catalog.jsonb_typeof(settings) = 'object'),
    system_identifier bigint NOT NULL,
    database_oid      oid NOT NULL,
    created_by        name NOT NULL DEFAULT CURRENT_USER,
    created_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    CHECK (key_env IS NULL OR key_file IS NULL)
);
CREATE UNIQUE INDEX provider_name_key ON categorize.provider (name);

-- What models can do. Of two rows of one name, that of the user counts.
CREATE SEQUENCE categorize.model_id_seq AS int START 1000 MINVALUE 1000;
CREATE TABLE categorize.model (
    id                int PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.model_id_seq'),
    name              text NOT NULL CHECK (name <> ''),
    kind              text NOT NULL CHECK (kind IN ('openai', 'systemone', 'anthropic', 'gemini')),
    mode              text NOT NULL CHECK (mode IN ('decision', 'json_schema', 'text', 'embedding')),
    max_input_tokens  bigint CHECK (max_input_tokens > 0),
    max_output_tokens bigint CHECK (max_output_tokens > 0),
    -- Sent as it is; NULL sends nothing.
    reasoning_effort  text,
    -- What it may think beyond its answer, in tokens.
    thinking_tokens   int NOT NULL DEFAULT 0 CHECK (thinking_tokens >= 0),
    -- NULL sends nothing, as most models want it.
    temperature       real,
    -- Whether the constant beginning of a request is marked for the provider's cache.
    cache_breakpoint  boolean NOT NULL DEFAULT false,
    -- Whether it is asked for the log-probabilities of what it writes.
    log_probabilities boolean NOT NULL DEFAULT false,
    -- The most input tokens that one image counts for; NULL where it takes none.
    image_tokens      int CHECK (image_tokens > 0),
    shut_down_on      date,
    -- When this was read from the provider's documentation.
    known_on          date NOT NULL DEFAULT CURRENT_DATE
);
CREATE UNIQUE INDEX model_name_key ON categorize.model (name) WHERE id >= 1000;

-- Of the prices of a model that are valid, those of the user count before those we ship, then the newest.
CREATE SEQUENCE categorize.price_id_seq START 1000 MINVALUE 1000;
CREATE TABLE categorize.price (
    id                    bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.price_id_seq'),
    model                 text NOT NULL CHECK (model <> ''),
    valid_from            timestamptz NOT NULL DEFAULT pg_catalog.now(),
    input                 bigint NOT NULL CHECK (input >= 0),
    cached_input          bigint NOT NULL CHECK (cached_input >= 0),
    cache_write           bigint NOT NULL CHECK (cache_write >= 0),
    cache_write_long      bigint NOT NULL CHECK (cache_write_long >= 0),
    output                bigint NOT NULL CHECK (output >= 0),
    batch_input           bigint CHECK (batch_input >= 0),
    batch_output          bigint CHECK (batch_output >= 0),
    -- More input tokens than this cost other rates, for the whole request.
    long_above            bigint CHECK (long_above > 0),
    long_input            bigint CHECK (long_input >= 0),
    long_cached_input     bigint CHECK (long_cached_input >= 0),
    long_cache_write      bigint CHECK (long_cache_write >= 0),
    long_cache_write_long bigint CHECK (long_cache_write_long >= 0),
    long_output           bigint CHECK (long_output >= 0),
    created_by            name NOT NULL DEFAULT CURRENT_USER,
    created_at            timestamptz NOT NULL DEFAULT pg_catalog.now(),
    CHECK (pg_catalog.num_nulls(long_above, long_input, long_cached_input, long_cache_write, long_cache_write_long,
                                long_output) IN (0, 6))
);
CREATE INDEX price_model_idx ON categorize.price (model, valid_from);

-- How much may be spent. Of two rows of one scope and period, that of the user counts.
CREATE SEQUENCE categorize.budget_id_seq AS int START 1000 MINVALUE 1000;
CREATE TABLE categorize.budget (
    id                  int PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.budget_id_seq'),
    scope               text NOT NULL CHECK (scope IN ('database', 'tenant', 'taxonomy', 'provider')),
    -- Name of the tenant, or id of the taxonomy or provider.
    scope_key           text NOT NULL DEFAULT '',
    period              text NOT NULL CHECK (period IN ('day', 'month')),
    time_zone           text NOT NULL DEFAULT 'UTC',
    -- NULL is without limit.
    limit_nanousd       bigint CHECK (limit_nanousd >= 0),
    per_request_nanousd bigint CHECK (per_request_nanousd >= 0),
    soft_ratio          real NOT NULL DEFAULT 0.8 CHECK (soft_ratio BETWEEN 0::real AND 1::real),
    created_by          name NOT NULL DEFAULT CURRENT_USER,
    created_at          timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE UNIQUE INDEX budget_scope_key ON categorize.budget (scope, scope_key, period) WHERE id >= 1000;
INSERT INTO categorize.budget (id, scope, period, limit_nanousd, per_request_nanousd, created_by)
VALUES (1, 'database', 'day', 2000000000, 50000000, 'pg_categorize');

-- What a budget's period holds so far: kept in the transactions that write the ledger, made from it where it is absent.
CREATE TABLE categorize.budget_counter (
    scope            text NOT NULL,
    scope_key        text NOT NULL,
    period           text NOT NULL,
    starts_at        timestamptz NOT NULL,
    -- It holds what was reserved from `starts_at` on and before this: a budget may change its time zone within a period.
    ends_at          timestamptz NOT NULL,
    settled_nanousd  bigint NOT NULL,
    -- Open and in doubt, at their worst case.
    reserved_nanousd bigint NOT NULL,
    PRIMARY KEY (scope, scope_key, period, starts_at, ends_at)
);

-- Attempts whose cost is not known yet. Only the gateway, and settle_in_doubt(), write here and below.
CREATE SEQUENCE categorize.attempt_id_seq;
CREATE TABLE categorize.reservation (
    attempt_id       bigint PRIMARY KEY,
    -- That of a request in a batch is `batched` until its result is stored: nothing is in doubt before, however long it takes.
    state            text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'in_doubt', 'batched')),
    reserved_at      timestamptz NOT NULL,
    in_doubt_since   timestamptz,
    amount_nanousd   bigint NOT NULL CHECK (amount_nanousd >= 0),
    provider_id      int NOT NULL,
    provider         text NOT NULL,
    model            text NOT NULL,
    price_id         bigint NOT NULL,
    tenant           text NOT NULL,
    taxonomy_id      int,
    role             text NOT NULL,
    application_name text NOT NULL,
    query_id         bigint NOT NULL,
    inputs           int NOT NULL
);
CREATE INDEX reservation_in_doubt_idx ON categorize.reservation (in_doubt_since) WHERE state = 'in_doubt';

-- Append-only. `reserve` sets a worst case aside; `settle` and `adjust` (what it cost beyond that) book the cost, one row a
-- payer; `release` gives the worst case back. Sums go by `reserved_at`: spending belongs to the period it was allowed in.
CREATE SEQUENCE categorize.ledger_id_seq;
CREATE TABLE categorize.ledger (
    id               bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.ledger_id_seq'),
    attempt_id       bigint NOT NULL,
    kind             text NOT NULL CHECK (kind IN ('reserve', 'settle', 'release', 'adjust')),
    booked_at        timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    reserved_at      timestamptz NOT NULL,
    amount_nanousd   bigint NOT NULL CHECK (amount_nanousd >= 0),
    provider_id      int NOT NULL,
    provider         text NOT NULL,
    model            text NOT NULL,
    price_id         bigint NOT NULL,
    tenant           text NOT NULL,
    taxonomy_id      int,
    role             text NOT NULL,
    application_name text NOT NULL,
    query_id         bigint NOT NULL,
    inputs           int NOT NULL,
    -- Inputs that were paid for and not answered.
    wasted           int NOT NULL DEFAULT 0,
    -- What was charged for, on the first row of a settlement.
    input_tokens     bigint,
    cached_tokens    bigint,
    output_tokens    bigint,
    -- Who settled it by hand, or `expired` after a day in doubt.
    settled_by       text
);
CREATE INDEX ledger_reserved_at_idx ON categorize.ledger (reserved_at);
CREATE INDEX ledger_attempt_id_idx ON categorize.ledger (attempt_id);

-- What is left of ledger rows that are older than categorize.ledger_retention. Days are UTC.
CREATE TABLE categorize.ledger_day (
    day              date NOT NULL,
    provider_id      int NOT NULL,
    provider         text NOT NULL,
    model            text NOT NULL,
    tenant           text NOT NULL,
    taxonomy_id      int,
    role             text NOT NULL,
    application_name text NOT NULL,
    query_id         bigint NOT NULL,
    requests         bigint NOT NULL,
    inputs           bigint NOT NULL,
    wasted           bigint NOT NULL,
    input_tokens     bigint NOT NULL,
    cached_tokens    bigint NOT NULL,
    output_tokens    bigint NOT NULL,
    spent_nanousd    bigint NOT NULL,
    wasted_nanousd   bigint NOT NULL
);
CREATE UNIQUE INDEX ledger_day_key ON categorize.ledger_day
    (day, provider_id, provider, model, tenant, coalesce(taxonomy_id, 0), role, application_name, query_id);

-- What a cheap model said while a strong one is asked. It is paid, so it is kept; nobody is given it before it counts.
CREATE TABLE categorize.unsure_answer (
    LIKE categorize.cache INCLUDING DEFAULTS,
    PRIMARY KEY (fingerprint)
);

-- Of which answers of language models it became known whether they were right: what their confidence is calibrated by.
CREATE TABLE categorize.confidence_observation (
    -- Of the input, in its tenant and taxonomy.
    fingerprint bytea NOT NULL,
    model       text NOT NULL,
    tenant      text NOT NULL,
    -- What the model said of its confidence, and where that came from.
    source      text NOT NULL,
    raw         real NOT NULL CHECK (raw BETWEEN 0::real AND 1::real),
    is_right    boolean NOT NULL,
    said_by     text NOT NULL CHECK (said_by IN ('person', 'strong_model')),
    observed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (tenant, fingerprint, model)
);
CREATE INDEX confidence_observation_idx ON categorize.confidence_observation (tenant, model, source, observed_at);
CREATE INDEX confidence_observation_observed_at_idx ON categorize.confidence_observation (observed_at);

-- What an operator should see.
CREATE SEQUENCE categorize.alert_id_seq;
CREATE TABLE categorize.alert_log (
    id        bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.alert_id_seq'),
    raised_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    kind      text NOT NULL,
    provider  text,
    model     text,
    message   text NOT NULL
);
CREATE INDEX alert_log_raised_at_idx ON categorize.alert_log (raised_at);

SELECT pg_catalog.pg_extension_config_dump('categorize.provider', '');
SELECT pg_catalog.pg_extension_config_dump('categorize.model', 'WHERE id >= 1000');
SELECT pg_catalog.pg_extension_config_dump('categorize.price', 'WHERE id >= 1000');
SELECT pg_catalog.pg_extension_config_dump('categorize.budget', 'WHERE id >= 1000');
SELECT pg_catalog.pg_extension_config_dump('categorize.confidence_observation', '');
SELECT pg_catalog.pg_extension_config_dump('categorize.provider_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('categorize.model_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('categorize.price_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('categorize.budget_id_seq', '');

COMMENT ON TABLE categorize.provider IS 'Providers of language models, with the name of their key and never the key.';
COMMENT ON TABLE categorize.model IS 'What models can do; a row with an id below 1000 is shipped, one above counts before it.';
COMMENT ON TABLE categorize.price IS 'Prices of models over time, in nano-dollars for a million tokens; ids below 1000 are shipped.';
COMMENT ON TABLE categorize.budget IS 'How much may be spent in a day or month; the row with id 1 is shipped.';
COMMENT ON TABLE categorize.budget_counter IS 'What is settled and reserved in a period of a budget, kept with the ledger.';
COMMENT ON TABLE categorize.reservation IS 'Attempts whose cost is not known yet: under way, or in doubt.';
COMMENT ON TABLE categorize.ledger IS 'Every reservation, and what became of it; rows are added and never changed.';
COMMENT ON TABLE categorize.ledger_day IS 'Daily totals of ledger rows that were pruned.';
COMMENT ON TABLE categorize.unsure_answer IS 'What a cheap model said while a strong one is asked.';
COMMENT ON TABLE categorize.confidence_observation IS 'What is known of answers of language models being right, for the calibration of their confidence.';
COMMENT ON TABLE categorize.alert_log IS 'What an operator should see.';
COMMENT ON SEQUENCE categorize.provider_id_seq IS 'Ids of providers.';
COMMENT ON SEQUENCE categorize.model_id_seq IS 'Ids of models; those below 1000 are shipped.';
COMMENT ON SEQUENCE categorize.price_id_seq IS 'Ids of prices; those below 1000 are shipped.';
COMMENT ON SEQUENCE categorize.budget_id_seq IS 'Ids of budgets; those below 1000 are shipped.';
COMMENT ON SEQUENCE categorize.attempt_id_seq IS 'Numbers of attempts.';
COMMENT ON SEQUENCE categorize.ledger_id_seq IS 'Ids of ledger rows.';
COMMENT ON SEQUENCE categorize.alert_id_seq IS 'Ids of alerts.';
