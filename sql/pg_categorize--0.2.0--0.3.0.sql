\echo Use "ALTER EXTENSION pg_categorize UPDATE" to load this file. \quit

-- 0.3.0: language models and money.

ALTER TABLE categorize.cache
    ADD COLUMN upgraded boolean NOT NULL DEFAULT false,
    ADD COLUMN raw_confidence real,
    ADD COLUMN confidence_source text,
    ADD COLUMN rationale text;

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
    state            text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'in_doubt')),
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

-- Models and prices as they stood at the providers on 2026-11-22. They are data: set_model() and set_price() say otherwise.
-- Long prompts: OpenAI from 5.6 on, above 272,000 tokens 2 x input and 1.5 x output; claude-haiku-5-5 above 100,000.
-- Cache writes for hours: Anthropic's one hour, OpenAI's twelve (2.5 x input).

INSERT INTO categorize.model (id, name, kind, mode, max_input_tokens, max_output_tokens, reasoning_effort, thinking_tokens,
                              cache_breakpoint, image_tokens, shut_down_on, known_on)
VALUES
    (1, 'gpt-6-luna', 'openai', 'json_schema', 922000, 128000, 'none', 0, true, 3000, NULL, '2026-11-22'),
    (2, 'gpt-6-sol', 'openai', 'json_schema', 922000, 128000, 'none', 0, true, 3000, NULL, '2026-11-22'),
    (3, 'gpt-6-astra', 'openai', 'json_schema', 922000, 128000, 'low', 1024, true, 3000, NULL, '2026-11-22'),
    (4, 'gpt-6.1-terra', 'openai', 'json_schema', 922000, 128000, 'none', 0, true, 3000, NULL, '2026-11-22'),
    (5, 'gpt-6.1-sol', 'openai', 'json_schema', 922000, 128000, 'low', 1024, true, 3000, NULL, '2026-11-22'),
    (6, 'gpt-5.6-luna', 'openai', 'json_schema', 922000, 128000, 'none', 0, true, 3000, NULL, '2026-11-22'),
    (7, 'gpt-5.6-terra', 'openai', 'json_schema', 922000, 128000, 'none', 0, true, 3000, NULL, '2026-11-22'),
    (8, 'gpt-5.6-sol', 'openai', 'json_schema', 922000, 128000, 'none', 0, true, 3000, NULL, '2026-11-22'),
    (9, 'gpt-5.4-nano', 'openai', 'json_schema', 272000, 128000, 'none', 0, false, 3000, '2027-04-01', '2026-11-22'),
    (10, 'gpt-5.4-mini', 'openai', 'json_schema', 272000, 128000, 'none', 0, false, 3000, NULL, '2026-11-22'),
    (11, 'gpt-5-nano', 'openai', 'json_schema', 272000, 128000, 'minimal', 1024, false, 3750, '2026-12-11', '2026-11-22'),
    (12, 'gpt-5-mini', 'openai', 'json_schema', 272000, 128000, 'minimal', 1024, false, 3000, '2026-12-11', '2026-11-22'),
    (13, 'gpt-5', 'openai', 'json_schema', 272000, 128000, 'minimal', 1024, false, 85, '2026-12-11', '2026-11-22'),
    (14, 'gpt-4.1', 'openai', 'json_schema', 1047576, 32768, NULL, 0, false, 85, '2027-01-14', '2026-11-22'),
    (15, 'gpt-4.1-mini', 'openai', 'json_schema', 1047576, 32768, NULL, 0, false, 2500, '2027-01-14', '2026-11-22'),
    (16, 'gpt-4.1-nano', 'openai', 'json_schema', 1047576, 32768, NULL, 0, false, 3800, '2026-10-23', '2026-11-22'),
    (17, 'gpt-4o', 'openai', 'json_schema', 128000, 16384, NULL, 0, false, 85, '2027-01-14', '2026-11-22'),
    (18, 'gpt-4o-mini', 'openai', 'json_schema', 128000, 16384, NULL, 0, false, 2833, '2027-01-14', '2026-11-22'),
    (19, 'text-embedding-3-small', 'openai', 'embedding', 8191, NULL, NULL, 0, false, NULL, NULL, '2026-11-22'),
    (20, 'text-embedding-3-large', 'openai', 'embedding', 8191, NULL, NULL, 0, false, NULL, NULL, '2026-11-22'),
    (21, 'text-embedding-ada-002', 'openai', 'embedding', 8191, NULL, NULL, 0, false, NULL, NULL, '2026-11-22'),
    (22, 'ft:gpt-4.1-mini-2025-04-14', 'openai', 'json_schema', 1047576, 32768, NULL, 0, false, 2500, '2027-01-14', '2026-11-22'),
    (23, 'ft:gpt-4o-mini-2024-07-18', 'openai', 'json_schema', 128000, 16384, NULL, 0, false, 2833, '2027-01-14', '2026-11-22'),
    (24, 'ft:gpt-4.1-2025-04-14', 'openai', 'json_schema', 1047576, 32768, NULL, 0, false, 85, '2027-01-14', '2026-11-22'),
    (25, 'ft:gpt-4.1-nano-2025-04-14', 'openai', 'json_schema', 1047576, 32768, NULL, 0, false, 3800, '2026-10-23', '2026-11-22'),
    (26, 'claude-haiku-5-5', 'anthropic', 'json_schema', 1000000, 128000, 'none', 0, true, 4784, NULL, '2026-11-22'),
    (27, 'claude-haiku-4-5', 'anthropic', 'json_schema', 200000, 64000, NULL, 0, true, 1700, NULL, '2026-11-22'),
    (28, 'claude-sonnet-4-5', 'anthropic', 'json_schema', 200000, 64000, NULL, 0, true, 1700, '2026-11-30', '2026-11-22'),
    (29, 'claude-sonnet-4-6', 'anthropic', 'json_schema', 1000000, 128000, NULL, 0, true, 1700, NULL, '2026-11-22'),
    (30, 'claude-sonnet-5', 'anthropic', 'json_schema', 1000000, 128000, NULL, 0, true, 4784, NULL, '2026-11-22'),
    (31, 'claude-sonnet-5-5', 'anthropic', 'json_schema', 1000000, 128000, 'low', 1024, true, 4784, NULL, '2026-11-22'),
    (32, 'claude-opus-4-8', 'anthropic', 'json_schema', 1000000, 128000, NULL, 0, true, 4784, NULL, '2026-11-22'),
    (33, 'claude-opus-5', 'anthropic', 'json_schema', 1000000, 128000, NULL, 0, true, 4784, NULL, '2026-11-22'),
    (34, 'claude-opus-5-5', 'anthropic', 'json_schema', 1000000, 128000, 'low', 1024, true, 4784, NULL, '2026-11-22'),
    (35, 'claude-fable-5-1', 'anthropic', 'json_schema', 1000000, 128000, 'low', 1024, true, 4784, NULL, '2026-11-22'),
    (36, 'gemini-2.5-flash-lite', 'gemini', 'json_schema', 1048576, 65536, 'none', 0, false, 300, NULL, '2026-11-22'),
    (37, 'gemini-2.5-flash', 'gemini', 'json_schema', 1048576, 65536, 'none', 0, false, 300, NULL, '2026-11-22'),
    (38, 'gemini-2.5-pro', 'gemini', 'json_schema', 1048576, 65536, '128', 1024, false, 300, NULL, '2026-11-22'),
    (39, 'gemini-3.1-flash-lite', 'gemini', 'json_schema', 1048576, 65536, 'minimal', 512, false, 600, '2027-05-07', '2026-11-22'),
    (40, 'gemini-3.5-flash-lite', 'gemini', 'json_schema', 1048576, 65536, 'minimal', 512, false, 600, NULL, '2026-11-22'),
    (41, 'gemini-3.5-flash', 'gemini', 'json_schema', 1048576, 65536, 'low', 1024, false, 600, NULL, '2026-11-22'),
    (42, 'gemini-3.6-flash', 'gemini', 'json_schema', 1048576, 65536, 'low', 1024, false, 600, NULL, '2026-11-22'),
    (43, 'gemini-3.7-flash', 'gemini', 'json_schema', 1048576, 65536, 'low', 1024, false, 600, NULL, '2026-11-22'),
    (44, 'gemini-3.8-flash', 'gemini', 'json_schema', 1048576, 65536, 'low', 1024, false, 600, NULL, '2026-11-22'),
    (45, 'gemini-3.1-pro-preview', 'gemini', 'json_schema', 1048576, 65536, 'low', 1024, false, 600, NULL, '2026-11-22'),
    (46, 'gemini-4-argon', 'gemini', 'json_schema', 1048576, 1048576, 'low', 1024, false, 600, NULL, '2026-11-22'),
    (47, 'gemini-embedding-001', 'gemini', 'embedding', 2048, NULL, NULL, 0, false, NULL, '2028-05-14', '2026-11-22'),
    (48, 'gemini-embedding-2', 'gemini', 'embedding', 8192, NULL, NULL, 0, false, NULL, NULL, '2026-11-22'),
    (49, 'jev-latest', 'systemone', 'decision', 65536, NULL, NULL, 0, false, NULL, NULL, '2026-11-22'),
    (50, 'gemini-decision-1', 'gemini', 'decision', 262144, NULL, NULL, 0, false, NULL, NULL, '2026-11-22');

INSERT INTO categorize.price (id, model, valid_from, input, cached_input, cache_write, cache_write_long, output, batch_input,
                              batch_output, long_above, long_input, long_cached_input, long_cache_write,
                              long_cache_write_long, long_output, created_by)
VALUES
    (1, 'gpt-6-luna', '2026-11-22', 100000000, 10000000, 125000000, 250000000, 500000000, 50000000, 250000000, 272000, 200000000, 20000000, 250000000, 500000000, 750000000, 'pg_categorize'),
    (2, 'gpt-6-sol', '2026-11-22', 2000000000, 200000000, 2500000000, 5000000000, 10000000000, 1000000000, 5000000000, 272000, 4000000000, 400000000, 5000000000, 10000000000, 15000000000, 'pg_categorize'),
    (3, 'gpt-6-astra', '2026-11-22', 10000000000, 1000000000, 12500000000, 25000000000, 50000000000, 5000000000, 25000000000, 272000, 20000000000, 2000000000, 25000000000, 50000000000, 75000000000, 'pg_categorize'),
    (4, 'gpt-6.1-terra', '2026-11-22', 1000000000, 50000000, 1250000000, 2500000000, 5000000000, 500000000, 2500000000, 272000, 2000000000, 100000000, 2500000000, 5000000000, 7500000000, 'pg_categorize'),
    (5, 'gpt-6.1-sol', '2026-11-22', 2000000000, 100000000, 2500000000, 5000000000, 10000000000, 1000000000, 5000000000, 272000, 4000000000, 200000000, 5000000000, 10000000000, 15000000000, 'pg_categorize'),
    (6, 'gpt-5.6-luna', '2026-11-22', 200000000, 20000000, 250000000, 500000000, 1200000000, 100000000, 600000000, 272000, 400000000, 40000000, 500000000, 1000000000, 1800000000, 'pg_categorize'),
    (7, 'gpt-5.6-terra', '2026-11-22', 2000000000, 200000000, 2500000000, 5000000000, 12000000000, 1000000000, 6000000000, 272000, 4000000000, 400000000, 5000000000, 10000000000, 18000000000, 'pg_categorize'),
    (8, 'gpt-5.6-sol', '2026-11-22', 4000000000, 400000000, 5000000000, 10000000000, 20000000000, 2000000000, 10000000000, 272000, 8000000000, 800000000, 10000000000, 20000000000, 30000000000, 'pg_categorize'),
    (9, 'gpt-5.4-nano', '2026-11-22', 200000000, 20000000, 200000000, 200000000, 1250000000, 100000000, 625000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (10, 'gpt-5.4-mini', '2026-11-22', 750000000, 75000000, 750000000, 750000000, 4500000000, 375000000, 2250000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (11, 'gpt-5-nano', '2026-11-22', 50000000, 5000000, 50000000, 50000000, 400000000, 25000000, 200000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (12, 'gpt-5-mini', '2026-11-22', 250000000, 25000000, 250000000, 250000000, 2000000000, 125000000, 1000000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (13, 'gpt-5', '2026-11-22', 1250000000, 125000000, 1250000000, 1250000000, 10000000000, 625000000, 5000000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (14, 'gpt-4.1', '2026-11-22', 2000000000, 500000000, 2000000000, 2000000000, 8000000000, 1000000000, 4000000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (15, 'gpt-4.1-mini', '2026-11-22', 400000000, 100000000, 400000000, 400000000, 1600000000, 200000000, 800000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (16, 'gpt-4.1-nano', '2026-11-22', 100000000, 25000000, 100000000, 100000000, 400000000, 50000000, 200000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (17, 'gpt-4o', '2026-11-22', 2500000000, 1250000000, 2500000000, 2500000000, 10000000000, 1250000000, 5000000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (18, 'gpt-4o-mini', '2026-11-22', 150000000, 75000000, 150000000, 150000000, 600000000, 75000000, 300000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (19, 'text-embedding-3-small', '2026-11-22', 20000000, 20000000, 20000000, 20000000, 0, 10000000, 0, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (20, 'text-embedding-3-large', '2026-11-22', 130000000, 130000000, 130000000, 130000000, 0, 65000000, 0, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (21, 'text-embedding-ada-002', '2026-11-22', 100000000, 100000000, 100000000, 100000000, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (22, 'ft:gpt-4.1-mini-2025-04-14', '2026-11-22', 800000000, 200000000, 800000000, 800000000, 3200000000, 400000000, 1600000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (23, 'ft:gpt-4o-mini-2024-07-18', '2026-11-22', 300000000, 150000000, 300000000, 300000000, 1200000000, 150000000, 600000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (24, 'ft:gpt-4.1-2025-04-14', '2026-11-22', 3000000000, 750000000, 3000000000, 3000000000, 12000000000, 1500000000, 6000000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (25, 'ft:gpt-4.1-nano-2025-04-14', '2026-11-22', 200000000, 50000000, 200000000, 200000000, 800000000, 100000000, 400000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (26, 'claude-haiku-5-5', '2026-11-22', 100000000, 10000000, 125000000, 200000000, 500000000, 50000000, 250000000, 100000, 500000000, 50000000, 625000000, 1000000000, 2500000000, 'pg_categorize'),
    (27, 'claude-haiku-4-5', '2026-11-22', 1000000000, 100000000, 1250000000, 2000000000, 5000000000, 500000000, 2500000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (28, 'claude-sonnet-4-5', '2026-11-22', 3000000000, 300000000, 3750000000, 6000000000, 15000000000, 1500000000, 7500000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (29, 'claude-sonnet-4-6', '2026-11-22', 3000000000, 300000000, 3750000000, 6000000000, 15000000000, 1500000000, 7500000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (30, 'claude-sonnet-5', '2026-11-22', 2000000000, 200000000, 2500000000, 4000000000, 10000000000, 1000000000, 5000000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (31, 'claude-sonnet-5-5', '2026-11-22', 2000000000, 100000000, 2500000000, 4000000000, 10000000000, 1000000000, 5000000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (32, 'claude-opus-4-8', '2026-11-22', 5000000000, 500000000, 6250000000, 10000000000, 25000000000, 2500000000, 12500000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (33, 'claude-opus-5', '2026-11-22', 5000000000, 500000000, 6250000000, 10000000000, 25000000000, 2500000000, 12500000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (34, 'claude-opus-5-5', '2026-11-22', 4000000000, 200000000, 5000000000, 8000000000, 20000000000, 2000000000, 10000000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (35, 'claude-fable-5-1', '2026-11-22', 10000000000, 250000000, 12500000000, 20000000000, 50000000000, 5000000000, 25000000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (36, 'gemini-2.5-flash-lite', '2026-11-22', 100000000, 10000000, 100000000, 100000000, 400000000, 50000000, 200000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (37, 'gemini-2.5-flash', '2026-11-22', 300000000, 30000000, 300000000, 300000000, 2500000000, 150000000, 1250000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (38, 'gemini-2.5-pro', '2026-11-22', 1250000000, 125000000, 1250000000, 1250000000, 10000000000, 625000000, 5000000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (39, 'gemini-3.1-flash-lite', '2026-11-22', 250000000, 25000000, 250000000, 250000000, 1500000000, 125000000, 750000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (40, 'gemini-3.5-flash-lite', '2026-11-22', 300000000, 30000000, 300000000, 300000000, 2500000000, 150000000, 1250000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (41, 'gemini-3.5-flash', '2026-11-22', 1500000000, 150000000, 1500000000, 1500000000, 9000000000, 750000000, 4500000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (42, 'gemini-3.6-flash', '2026-11-22', 750000000, 75000000, 750000000, 750000000, 3750000000, 375000000, 1875000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (43, 'gemini-3.7-flash', '2026-11-22', 750000000, 75000000, 750000000, 750000000, 3750000000, 375000000, 1875000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (44, 'gemini-3.8-flash', '2026-11-22', 750000000, 75000000, 750000000, 750000000, 3750000000, 375000000, 1875000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (45, 'gemini-3.1-pro-preview', '2026-11-22', 2000000000, 200000000, 2000000000, 2000000000, 12000000000, 1000000000, 6000000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (46, 'gemini-4-argon', '2026-11-22', 2000000000, 100000000, 2000000000, 2000000000, 10000000000, 1000000000, 5000000000, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (47, 'gemini-embedding-001', '2026-11-22', 150000000, 150000000, 150000000, 150000000, 0, 75000000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (48, 'gemini-embedding-2', '2026-11-22', 200000000, 200000000, 200000000, 200000000, 0, 100000000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (49, 'jev-latest', '2026-11-22', 42000000, 42000000, 42000000, 42000000, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize'),
    (50, 'gemini-decision-1', '2026-11-22', 100000000, 100000000, 100000000, 100000000, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'pg_categorize');

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

-- As they are generated for a fresh install.
CREATE  FUNCTION "categorize"(
	"image" bytea, /* Option < & [u8] > */
	"taxonomy" TEXT DEFAULT NULL /* Option < & str > */
) RETURNS text /* Option < Text > */
VOLATILE PARALLEL SAFE  COST 1000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'categorize_image_wrapper';

CREATE  FUNCTION "categorize"(
	"input" TEXT, /* Option < & str > */
	"image" bytea, /* Option < & [u8] > */
	"taxonomy" TEXT DEFAULT NULL /* Option < & str > */
) RETURNS text /* Option < Text > */
VOLATILE PARALLEL SAFE  COST 1000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'categorize_with_image_wrapper';

CREATE  FUNCTION "categorize_detail"(
	"input" TEXT, /* Option < & str > */
	"image" bytea, /* Option < & [u8] > */
	"taxonomy" TEXT DEFAULT NULL /* Option < & str > */
) RETURNS categorize.decision /* Option < :: pgrx :: heap_tuple :: PgHeapTuple < '_, :: pgrx :: pgbox ::
AllocatedByRust > > */
VOLATILE PARALLEL SAFE  COST 1000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'categorize_detail_with_image_wrapper';

CREATE  FUNCTION "categorize_detail"(
	"image" bytea, /* Option < & [u8] > */
	"taxonomy" TEXT DEFAULT NULL /* Option < & str > */
) RETURNS categorize.decision /* Option < :: pgrx :: heap_tuple :: PgHeapTuple < '_, :: pgrx :: pgbox ::
AllocatedByRust > > */
VOLATILE PARALLEL SAFE  COST 1000
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'categorize_image_detail_wrapper';

CREATE  FUNCTION categorize."drop_provider"(
	"name" TEXT /* Option < & str > */
) RETURNS void

LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'drop_provider_wrapper';

CREATE  FUNCTION categorize."provider_health"() RETURNS TABLE (
	"provider" TEXT,  /* String */
	"model" TEXT,  /* String */
	"breaker" TEXT,  /* String */
	"stopped" bool,  /* bool */
	"attempts" bigint,  /* i64 */
	"failures" bigint,  /* i64 */
	"answers" bigint,  /* i64 */
	"upgrades" bigint,  /* i64 */
	"in_flight" INT,  /* i32 */
	"latency_p50_ms" real,  /* Option < f32 > */
	"latency_p99_ms" real,  /* Option < f32 > */
	"last_failure" TEXT  /* Option < String > */
)
STRICT VOLATILE PARALLEL RESTRICTED 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'provider_health_wrapper';

CREATE  FUNCTION categorize."set_model"(
	"name" TEXT, /* Option < & str > */
	"kind" TEXT, /* Option < & str > */
	"settings" jsonb DEFAULT '{}' /* Option < JsonB > */
) RETURNS void

LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'set_model_wrapper';

CREATE  FUNCTION categorize."settle_in_doubt"(
	"attempt_id" bigint, /* Option < i64 > */
	"cost_usd" NUMERIC /* Option < AnyNumeric > */
) RETURNS void

LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'settle_in_doubt_wrapper';

CREATE  FUNCTION categorize."add_provider"(
	"name" TEXT, /* Option < & str > */
	"kind" TEXT, /* Option < & str > */
	"base_url" TEXT DEFAULT NULL, /* Option < & str > */
	"key_env" TEXT DEFAULT NULL, /* Option < & str > */
	"key_file" TEXT DEFAULT NULL, /* Option < & str > */
	"settings" jsonb DEFAULT '{}' /* Option < JsonB > */
) RETURNS INT /* i32 */

LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'add_provider_wrapper';

CREATE  FUNCTION categorize."adopt_database"() RETURNS INT /* i32 */
STRICT 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'adopt_database_wrapper';

CREATE  FUNCTION categorize."sees_all_tenants"() RETURNS bool /* bool */
STRICT STABLE PARALLEL SAFE 
LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'sees_all_tenants_wrapper';

CREATE  FUNCTION categorize."drop_budget"(
	"scope" TEXT, /* Option < & str > */
	"period" TEXT DEFAULT 'day' /* Option < & str > */
) RETURNS bool /* bool */

LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'drop_budget_wrapper';

CREATE  FUNCTION categorize."set_budget"(
	"scope" TEXT DEFAULT 'database', /* Option < & str > */
	"limit_usd" NUMERIC DEFAULT NULL, /* Option < AnyNumeric > */
	"period" TEXT DEFAULT 'day', /* Option < & str > */
	"per_request_usd" NUMERIC DEFAULT NULL, /* Option < AnyNumeric > */
	"soft_ratio" real DEFAULT NULL, /* Option < f32 > */
	"time_zone" TEXT DEFAULT NULL /* Option < & str > */
) RETURNS void

LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'set_budget_wrapper';

CREATE  FUNCTION categorize."set_price"(
	"model" TEXT, /* Option < & str > */
	"input_usd" NUMERIC, /* Option < AnyNumeric > */
	"output_usd" NUMERIC, /* Option < AnyNumeric > */
	"cached_input_usd" NUMERIC DEFAULT NULL, /* Option < AnyNumeric > */
	"valid_from" timestamp with time zone DEFAULT pg_catalog.now() /* Option < TimestampWithTimeZone > */
) RETURNS bigint /* i64 */

LANGUAGE c /* Rust */
AS 'MODULE_PATHNAME', 'set_price_wrapper';

CREATE VIEW categorize.providers WITH (security_barrier) AS
    SELECT p.id, p.name, p.kind,
           CASE WHEN categorize.sees_all_tenants() THEN p.base_url END AS base_url,
           CASE WHEN categorize.sees_all_tenants() THEN coalesce('variable ' || p.key_env, 'file ' || p.key_file) END AS key,
           p.priority, p.settings,
           p.system_identifier = (SELECT c.system_identifier FROM pg_catalog.pg_control_system() c)
               AND p.database_oid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
               AS bound_here,
           p.created_by, p.created_at
      FROM categorize.provider p;

-- Of two rows of one name that of the user, and of its prices the one in force; dollars for a million tokens. Of a model that
-- somebody only set a price for, no more than that is known.
CREATE VIEW categorize.models WITH (security_barrier) AS
    SELECT n.name, m.kind, m.mode, m.max_input_tokens, m.max_output_tokens, m.reasoning_effort, m.thinking_tokens,
           m.temperature, m.cache_breakpoint, m.log_probabilities, m.image_tokens, m.shut_down_on, m.known_on,
           coalesce(m.id::bigint, p.id) < 1000::bigint AS shipped,
           p.valid_from AS price_valid_from,
           p.input::numeric * 0.000000001 AS input_usd,
           p.cached_input::numeric * 0.000000001 AS cached_input_usd,
           p.cache_write::numeric * 0.000000001 AS cache_write_usd,
           p.cache_write_long::numeric * 0.000000001 AS cache_write_long_usd,
           p.output::numeric * 0.000000001 AS output_usd,
           p.long_above, p.long_input::numeric * 0.000000001 AS long_input_usd,
           p.long_output::numeric * 0.000000001 AS long_output_usd
      FROM (SELECT r.name FROM categorize.model r
             UNION
            SELECT r.model FROM categorize.price r WHERE r.valid_from <= statement_timestamp()) n
      LEFT JOIN (SELECT DISTINCT ON (r.name) r.* FROM categorize.model r ORDER BY r.name, r.id DESC) m ON m.name = n.name
      LEFT JOIN LATERAL (SELECT r.* FROM categorize.price r
                          WHERE r.model = n.name AND r.valid_from <= statement_timestamp()
                          ORDER BY r.id >= 1000::bigint DESC, r.valid_from DESC, r.id DESC LIMIT 1) p ON true;

-- The budgets that hold now, each with its present period. For the view below; nobody is granted it.
CREATE VIEW categorize.effective_budget WITH (security_barrier) AS
    SELECT b.*, p.local AT TIME ZONE b.time_zone AS starts_at,
           (p.local + ('1 ' || b.period)::interval) AT TIME ZONE b.time_zone AS ends_at
      FROM (SELECT DISTINCT ON (r.scope, r.scope_key, r.period) r.* FROM categorize.budget r
             ORDER BY r.scope, r.scope_key, r.period, r.id DESC) b
     CROSS JOIN LATERAL (SELECT date_trunc(b.period, statement_timestamp() AT TIME ZONE b.time_zone) AS local) t
     -- Where clocks go back at midnight a day begins twice: it begins the second time.
     CROSS JOIN LATERAL (SELECT CASE WHEN t.local AT TIME ZONE b.time_zone > statement_timestamp()
                                     THEN t.local - ('1 ' || b.period)::interval ELSE t.local END AS local) p;

-- The counters are kept with the ledger; where a period has none yet, they are what the ledger holds.
CREATE VIEW categorize.budget_status WITH (security_barrier) AS
    SELECT b.scope || CASE b.scope
               WHEN 'database' THEN ''
               WHEN 'tenant' THEN ':' || b.scope_key
               WHEN 'taxonomy' THEN ':' || coalesce((SELECT t.name FROM categorize.taxonomies t WHERE t.id::text = b.scope_key),
                                                    b.scope_key)
               ELSE ':' || coalesce((SELECT p.name FROM categorize.provider p WHERE p.id::text = b.scope_key), b.scope_key)
           END AS scope,
           b.period, b.time_zone, b.starts_at, b.ends_at,
           b.limit_nanousd::numeric * 0.000000001 AS limit_usd,
           u.settled * 0.000000001 AS settled_usd,
           u.reserved * 0.000000001 AS reserved_usd,
           u.in_doubt * 0.000000001 AS in_doubt_usd,
           (b.limit_nanousd::numeric - u.settled - u.reserved) * 0.000000001 AS remaining_usd,
           coalesce(u.settled + u.reserved > 0::numeric
                    AND (u.settled + u.reserved)::float8 >= b.limit_nanousd::float8 * b.soft_ratio::float8, false) AS soft,
           b.soft_ratio,
           b.per_request_nanousd::numeric * 0.000000001 AS per_request_usd
      FROM categorize.effective_budget b
      LEFT JOIN categorize.budget_counter c
             ON c.scope = b.scope AND c.scope_key = b.scope_key AND c.period = b.period AND c.starts_at = b.starts_at
            AND c.ends_at = b.ends_at
      CROSS JOIN LATERAL (
          SELECT coalesce(c.settled_nanousd::numeric, (
                     SELECT coalesce(sum(l.amount_nanousd), 0::numeric) FROM categorize.ledger l
                      WHERE l.kind IN ('settle', 'adjust') AND l.reserved_at >= b.starts_at AND l.reserved_at < b.ends_at
                        AND CASE b.scope WHEN 'tenant' THEN l.tenant = b.scope_key
                                         WHEN 'taxonomy' THEN l.taxonomy_id::text = b.scope_key
                                         WHEN 'provider' THEN l.provider_id::text = b.scope_key ELSE true END)
                   + (SELECT coalesce(sum(d.spent_nanousd), 0::numeric) FROM categorize.ledger_day d
                       WHERE (d.day + 1)::timestamp AT TIME ZONE 'UTC' > b.starts_at
                         AND CASE b.scope WHEN 'tenant' THEN d.tenant = b.scope_key
                                          WHEN 'taxonomy' THEN d.taxonomy_id::text = b.scope_key
                                          WHEN 'provider' THEN d.provider_id::text = b.scope_key ELSE true END)) AS settled,
                 coalesce(c.reserved_nanousd::numeric, r.reserved) AS reserved,
                 r.in_doubt
            FROM (SELECT coalesce(sum(r.amount_nanousd), 0::numeric) AS reserved,
                         coalesce(sum(r.amount_nanousd) FILTER (WHERE r.state = 'in_doubt'), 0::numeric) AS in_doubt
                    FROM categorize.reservation r
                   WHERE r.reserved_at >= b.starts_at AND r.reserved_at < b.ends_at
                     AND CASE b.scope WHEN 'tenant' THEN r.tenant = b.scope_key
                                      WHEN 'taxonomy' THEN r.taxonomy_id::text = b.scope_key
                                      WHEN 'provider' THEN r.provider_id::text = b.scope_key ELSE true END) r) u
     WHERE categorize.sees_all_tenants() OR (b.scope = 'tenant' AND b.scope_key = categorize.current_tenant());

-- What is wasted of a row is its amount times the share of its inputs that got no answer, rounded to the nano-dollar.
CREATE VIEW categorize.spend WITH (security_barrier) AS
    SELECT s.day, s.role, s.application_name, s.query_id, s.tenant, t.name AS taxonomy, s.provider, s.model,
           sum(s.requests)::bigint AS requests,
           sum(s.inputs)::bigint AS inputs,
           sum(s.wasted)::bigint AS wasted_inputs,
           sum(s.spent) * 0.000000001 AS spent_usd,
           sum(s.wasted_money) * 0.000000001 AS wasted_usd,
           sum(s.in_doubt) * 0.000000001 AS in_doubt_usd,
           sum(s.input_tokens)::bigint AS input_tokens,
           sum(s.cached_tokens)::bigint AS cached_tokens,
           sum(s.output_tokens)::bigint AS output_tokens
      FROM (SELECT (l.reserved_at AT TIME ZONE 'UTC')::date AS day, l.role, l.application_name, l.query_id, l.tenant,
                   l.taxonomy_id, l.provider, l.model,
                   count(DISTINCT l.attempt_id) AS requests,
                   coalesce(sum(l.inputs) FILTER (WHERE l.kind = 'settle'), 0::bigint) AS inputs,
                   coalesce(sum(l.wasted) FILTER (WHERE l.kind = 'settle'), 0::bigint) AS wasted,
                   coalesce(sum(l.input_tokens), 0::numeric) AS input_tokens,
                   coalesce(sum(l.cached_tokens), 0::numeric) AS cached_tokens,
                   coalesce(sum(l.output_tokens), 0::numeric) AS output_tokens,
                   sum(l.amount_nanousd) AS spent,
                   coalesce(sum(round(l.amount_nanousd::numeric * l.wasted::numeric / nullif(l.inputs, 0)::numeric)),
                            0::numeric) AS wasted_money,
                   0::numeric AS in_doubt
              FROM categorize.ledger l
             WHERE l.kind IN ('settle', 'adjust')
               AND (categorize.sees_all_tenants() OR l.tenant = categorize.current_tenant())
             GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
            UNION ALL
            SELECT d.day, d.role, d.application_name, d.query_id, d.tenant, d.taxonomy_id, d.provider, d.model,
                   d.requests, d.inputs, d.wasted, d.input_tokens::numeric, d.cached_tokens::numeric,
                   d.output_tokens::numeric, d.spent_nanousd::numeric, d.wasted_nanousd::numeric, 0::numeric
              FROM categorize.ledger_day d
             WHERE categorize.sees_all_tenants() OR d.tenant = categorize.current_tenant()
            UNION ALL
            -- Requests that may have been charged, and whose answers nobody got.
            SELECT (r.reserved_at AT TIME ZONE 'UTC')::date, r.role, r.application_name, r.query_id, r.tenant, r.taxonomy_id,
                   r.provider, r.model, 1::bigint, r.inputs::bigint, r.inputs::bigint, 0::numeric, 0::numeric, 0::numeric,
                   0::numeric, 0::numeric, r.amount_nanousd::numeric
              FROM categorize.reservation r
             WHERE r.state = 'in_doubt' AND (categorize.sees_all_tenants() OR r.tenant = categorize.current_tenant())) s
      LEFT JOIN categorize.taxonomy t ON t.id = s.taxonomy_id
     GROUP BY s.day, s.role, s.application_name, s.query_id, s.tenant, t.name, s.provider, s.model;

CREATE VIEW categorize.in_doubt WITH (security_barrier) AS
    SELECT r.attempt_id, r.in_doubt_since AS since, r.in_doubt_since + interval '24 hours' AS settled_at_worst_at,
           r.amount_nanousd::numeric * 0.000000001 AS worst_usd,
           r.provider, r.model, r.inputs, r.tenant, t.name AS taxonomy, r.role, r.application_name, r.query_id, r.reserved_at
      FROM categorize.reservation r
      LEFT JOIN categorize.taxonomy t ON t.id = r.taxonomy_id
     WHERE r.state = 'in_doubt' AND (categorize.sees_all_tenants() OR r.tenant = categorize.current_tenant());

-- What the running gateway sees; a provider that it has not asked yet, or without a gateway any, is `unknown`.
CREATE VIEW categorize.provider_health WITH (security_barrier) AS
    SELECT p.name AS provider, coalesce(h.model, p.settings ->> 'model'::text) AS model,
           CASE WHEN h.stopped THEN 'stopped' ELSE coalesce(h.breaker, 'unknown') END AS state,
           h.attempts, h.failures, h.in_flight, h.latency_p50_ms, h.latency_p99_ms, h.last_failure,
           h.answers, round(h.upgrades::numeric / nullif(h.answers, 0)::numeric, 3) AS upgrade_rate,
           m.shut_down_on,
           nullif(concat_ws('; ', CASE WHEN m.shut_down_on <= CURRENT_DATE
                THEN 'model ' || m.name || ' was to be shut down on ' || to_char(m.shut_down_on::timestamp, 'YYYY-MM-DD')
                WHEN m.shut_down_on <= CURRENT_DATE + 60
                THEN 'model ' || m.name || ' will be shut down on ' || to_char(m.shut_down_on::timestamp, 'YYYY-MM-DD')
           END,
           -- Fewer say little, and a share above this costs more than the cheap model saves.
           CASE WHEN h.answers >= 100::bigint AND h.upgrades::numeric > 0.3 * h.answers::numeric
                THEN 'a strong model was asked about ' || round(100.0 * h.upgrades::numeric / h.answers::numeric) ||
                     ' of 100 answers: corrections calibrate its confidence, a better cheap model or a lower upgrade_threshold saves money'
           END), ''::text) AS warning
      FROM categorize.provider p
      LEFT JOIN categorize.provider_health() h ON h.provider = p.name
      LEFT JOIN categorize.models m ON m.name = coalesce(h.model, p.settings ->> 'model'::text);

CREATE VIEW categorize.alert WITH (security_barrier) AS
    SELECT a.id, a.raised_at, a.kind, a.provider, a.model, a.message
      FROM categorize.alert_log a
     WHERE categorize.sees_all_tenants();

COMMENT ON VIEW categorize.providers IS
    'The providers in this database with the name of their key; address and key for members of categorize_admin.';
COMMENT ON VIEW categorize.models IS
    'What models can do and cost now, in dollars for a million tokens; a row of the user counts before a shipped one.';
COMMENT ON VIEW categorize.effective_budget IS
    'The budgets that hold now, each with its present period; for the other views.';
COMMENT ON VIEW categorize.budget_status IS
    'What each budget holds in its present period; reserved_usd includes in_doubt_usd. Of all tenants for members of categorize_admin.';
COMMENT ON VIEW categorize.spend IS
    'What was spent by day (UTC), role, application, query, tenant, taxonomy, provider and model; wasted is what brought no answer, in_doubt_usd the worst case of what may have been charged.';
COMMENT ON VIEW categorize.in_doubt IS
    'Requests of which nobody knows whether they were charged; they count at their worst case until settled.';
COMMENT ON VIEW categorize.provider_health IS
    'How the providers are doing as the running gateway sees it, and which models are about to be shut down.';
COMMENT ON VIEW categorize.alert IS
    'What an operator should see, for members of categorize_admin.';
COMMENT ON FUNCTION @extschema@.categorize(bytea, text) IS
    'The category of what an image shows, as a full path; NULL where nothing is sure enough.';
COMMENT ON FUNCTION @extschema@.categorize(text, bytea, text) IS
    'The category of a text and an image together, as a full path; NULL where nothing is sure enough.';
COMMENT ON FUNCTION @extschema@.categorize_detail(bytea, text) IS
    'The decision on one image with its confidence, source, reason and evidence.';
COMMENT ON FUNCTION @extschema@.categorize_detail(text, bytea, text) IS
    'The decision on a text and an image together with its confidence, source, reason and evidence.';
COMMENT ON FUNCTION categorize.add_provider(text, text, text, text, text, jsonb) IS
    'Adds a provider of language models, with the name of its key, and returns its id.';
COMMENT ON FUNCTION categorize.drop_provider(text) IS
    'Drops a provider with its budgets; its answers and what was spent there stay.';
COMMENT ON FUNCTION categorize.set_price(text, numeric, numeric, numeric, timestamptz) IS
    'States what a model costs from a moment on, in dollars for a million tokens, and returns the id of the price.';
COMMENT ON FUNCTION categorize.set_model(text, text, jsonb) IS
    'States what a model can do, over what is known of it; a JSON null takes a key back to its default.';
COMMENT ON FUNCTION categorize.set_budget(text, numeric, text, numeric, real, text) IS
    'Sets how much may be spent in a day or month; a NULL limit is none, NULL for the others keeps them.';
COMMENT ON FUNCTION categorize.drop_budget(text, text) IS
    'Takes back what set_budget() set, and says whether there was anything.';
COMMENT ON FUNCTION categorize.settle_in_doubt(bigint, numeric) IS
    'Settles an attempt that is in doubt at what the provider charged for it.';
COMMENT ON FUNCTION categorize.adopt_database() IS
    'Binds the providers of a copied database to this one, and returns how many; until then it sends nothing.';
COMMENT ON FUNCTION categorize.provider_health() IS
    'How the providers are doing as the running gateway sees it; the view of the same name says more.';
COMMENT ON FUNCTION categorize.sees_all_tenants() IS
    'Whether the caller is a member of categorize_admin, who sees the money of all tenants.';

REVOKE ALL ON categorize.provider, categorize.model, categorize.price, categorize.budget, categorize.budget_counter,
    categorize.reservation, categorize.ledger, categorize.ledger_day, categorize.unsure_answer,
    categorize.confidence_observation, categorize.alert_log, categorize.providers, categorize.models,
    categorize.effective_budget, categorize.budget_status, categorize.spend, categorize.in_doubt,
    categorize.provider_health, categorize.alert FROM PUBLIC;
REVOKE ALL ON SEQUENCE categorize.provider_id_seq, categorize.model_id_seq, categorize.price_id_seq,
    categorize.budget_id_seq, categorize.attempt_id_seq, categorize.ledger_id_seq, categorize.alert_id_seq FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.categorize(bytea, text), @extschema@.categorize(text, bytea, text),
    @extschema@.categorize_detail(bytea, text), @extschema@.categorize_detail(text, bytea, text),
    categorize.add_provider(text, text, text, text, text, jsonb), categorize.drop_provider(text),
    categorize.set_price(text, numeric, numeric, numeric, timestamptz), categorize.set_model(text, text, jsonb),
    categorize.set_budget(text, numeric, text, numeric, real, text), categorize.drop_budget(text, text),
    categorize.settle_in_doubt(bigint, numeric), categorize.adopt_database(), categorize.provider_health(),
    categorize.sees_all_tenants() FROM PUBLIC;
GRANT SELECT ON categorize.providers, categorize.models, categorize.budget_status, categorize.spend,
    categorize.in_doubt, categorize.provider_health, categorize.alert TO categorize_user;
GRANT EXECUTE ON FUNCTION @extschema@.categorize(bytea, text), @extschema@.categorize(text, bytea, text),
    @extschema@.categorize_detail(bytea, text), @extschema@.categorize_detail(text, bytea, text),
    categorize.provider_health(), categorize.sees_all_tenants() TO categorize_user;
GRANT EXECUTE ON FUNCTION categorize.add_provider(text, text, text, text, text, jsonb),
    categorize.drop_provider(text), categorize.set_price(text, numeric, numeric, numeric, timestamptz),
    categorize.set_model(text, text, jsonb), categorize.set_budget(text, numeric, text, numeric, real, text),
    categorize.drop_budget(text, text), categorize.settle_in_doubt(bigint, numeric), categorize.adopt_database() TO categorize_admin;

-- Functions act as the owner of the tables, who need not be the one who updates.
DO $$
DECLARE
    owner text := (SELECT pg_catalog.quote_ident(r.rolname) FROM pg_catalog.pg_class c
                     JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) c.relowner
                    WHERE c.oid OPERATOR(pg_catalog.=) 'categorize.taxonomy'::pg_catalog.regclass);
    object text;
BEGIN
    FOREACH object IN ARRAY ARRAY['TABLE categorize.provider', 'TABLE categorize.model', 'TABLE categorize.price',
    'TABLE categorize.budget', 'TABLE categorize.budget_counter', 'TABLE categorize.reservation',
    'TABLE categorize.ledger', 'TABLE categorize.ledger_day', 'TABLE categorize.unsure_answer',
    'TABLE categorize.confidence_observation', 'TABLE categorize.alert_log', 'SEQUENCE categorize.provider_id_seq',
    'SEQUENCE categorize.model_id_seq', 'SEQUENCE categorize.price_id_seq', 'SEQUENCE categorize.budget_id_seq',
    'SEQUENCE categorize.attempt_id_seq', 'SEQUENCE categorize.ledger_id_seq', 'SEQUENCE categorize.alert_id_seq',
    'VIEW categorize.providers', 'VIEW categorize.models', 'VIEW categorize.effective_budget',
    'VIEW categorize.budget_status', 'VIEW categorize.spend', 'VIEW categorize.in_doubt',
    'VIEW categorize.provider_health', 'VIEW categorize.alert', 'FUNCTION @extschema@.categorize(bytea, text)',
    'FUNCTION @extschema@.categorize(text, bytea, text)', 'FUNCTION @extschema@.categorize_detail(bytea, text)',
    'FUNCTION @extschema@.categorize_detail(text, bytea, text)',
    'FUNCTION categorize.add_provider(text, text, text, text, text, jsonb)',
    'FUNCTION categorize.drop_provider(text)',
    'FUNCTION categorize.set_price(text, numeric, numeric, numeric, timestamptz)',
    'FUNCTION categorize.set_model(text, text, jsonb)',
    'FUNCTION categorize.set_budget(text, numeric, text, numeric, real, text)',
    'FUNCTION categorize.drop_budget(text, text)', 'FUNCTION categorize.settle_in_doubt(bigint, numeric)',
    'FUNCTION categorize.adopt_database()', 'FUNCTION categorize.provider_health()',
    'FUNCTION categorize.sees_all_tenants()'] LOOP
        EXECUTE pg_catalog.concat('ALTER ', object, ' OWNER TO ', owner);
    END LOOP;
END
$$;
