# Thin on purpose: every target is a script of scripts/ that also runs by itself. All of them fetch what they miss.
# PG=18 runs a database loop on PostgreSQL 18; PG_CONFIG=/path/to/pg_config puts a server of yours in the place of Debian's.
PG ?= base
export PG_CONFIG DATA LLM BENCH_ARGS PG

.DEFAULT_GOAL := help
.PHONY: help setup demo install cluster cluster-stop test test-peers soak unit lint pg regress e2e bench profile check-all

help: ## this list
	@echo "pg_categorize: make TARGET [PG=base|18] [PG_CONFIG=/path/to/pg_config]"
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## fetch what building and testing need: Debian packages, cargo-pgrx, PostgreSQL 18 and 16
	@scripts/setup base 18 16
demo: ## set up, build, and run the demo on a throwaway cluster (DATA=/path for data of yours, LLM=fake|local|openai)
	@scripts/demo
install: ## release build into the machine's PostgreSQL, or that of PG_CONFIG
	@scripts/install system
cluster: ## a throwaway cluster that keeps running, with pg_categorize in database demo
	@scripts/cluster
cluster-stop: ## stop and remove it
	@scripts/cluster-stop
test: ## everything: units, lint, and the database suites on PostgreSQL 15 and 18
	@scripts/test
unit: ## tests that need no PostgreSQL
	@scripts/unit
lint: ## rustfmt, clippy, rustdoc, licences, shellcheck
	@scripts/lint
pg: ## #[pg_test]s, inside a server
	@scripts/pg-test $(PG)
regress: ## pg_regress and isolation tests
	@scripts/regress $(PG)
e2e: ## client tests that start and crash clusters of their own
	@scripts/e2e $(PG)
soak: ## random kills: twenty runs of 64 sessions against a budget, 200 of queued batches (SOAK_RUNS, BATCH_SOAK_RUNS, ...)
	@scripts/soak $(PG)
test-peers: ## providers' own SDKs, and servers that others wrote
	@scripts/test-peers
bench: ## the benchmark (BENCH_ARGS="...")
	@scripts/bench
profile: ## where the time of a million exact hits goes, by perf
	@scripts/profile
check-all: ## does it compile for PostgreSQL 15, 16 and 18?
	@scripts/check-all
