#!/usr/bin/env bash
# scripts/lib/profile.sh: the part of scripts/profile that runs beside its cluster.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
psql() { command psql -X -q -v ON_ERROR_STOP=1 -d postgres "$@"; }
psql -v "rows=$PROFILE_ROWS" >/dev/null <<'SQL'
CREATE EXTENSION pg_categorize;
CREATE TABLE title AS
    SELECT i AS id, 'Thing ' || i % 100 AS category,
           (ARRAY['Norvik', 'Altura', 'Bremora', 'Castelo'])[1 + i % 4] || ' Portable Steel Thing ' || i % 100
               || ' for kitchen, blue (' || substr(md5(i::text), 1, 9) || ')' AS title
      FROM generate_series(1, :rows) i;
SELECT categorize.create_taxonomy('profile', (SELECT array_agg(DISTINCT category) FROM title));
SELECT categorize.learn('SELECT title, category FROM title', 'profile');
VACUUM ANALYZE;
CHECKPOINT;
SQL
mkfifo "$work/in"
psql -At <"$work/in" >"$work/out" &
exec 3>"$work/in"
# The taxonomy is loaded before.
printf '%s;\nSELECT categorize(NULL, $$profile$$);\nSELECT pg_backend_pid();\n' "${PROFILE_BEFORE:-SELECT 1}" >&3
for _ in $(seq 100); do
  pid=$(tail -n 1 "$work/out")
  [ -n "$pid" ] && break || sleep 0.1
done
perf record --quiet --freq 2000 --event cpu-clock --pid "$pid" --output "$work/perf" >/dev/null 2>&1 &
recorder=$!
sleep 0.5
printf '%s;\n\\q\n' "$PROFILE_SQL" >&3
exec 3>&-
wait "$recorder" || true
for by in dso symbol; do
  perf report --input "$work/perf" --stdio --sort "$by" --percent-limit 0.8 2>/dev/null | grep -v '^#' | grep -v '^$' || true
  echo
done
