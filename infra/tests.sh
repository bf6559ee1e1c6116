#!/usr/bin/env bash
# Every test, in two processes that each have a runtime of their own: those marked slow share one Spark session and one kept
# demo and run beside all the others. Arguments narrow both; what the slow ones print comes when both have ended.
set -uo pipefail
cd "$(dirname "$0")/.."
NOTHING_TO_RUN=5

printed=$(mktemp)
.venv/bin/python -m pytest -m slow "$@" > "$printed" 2>&1 &
slow=$!
trap 'kill -INT "$slow" 2> /dev/null; wait "$slow"; rm -f "$printed"; exit 130' INT TERM
.venv/bin/python -m pytest -m "not slow" "$@"
quick_code=$?
wait "$slow"
slow_code=$?
printf '\n== the slow tests\n'
cat "$printed"
rm -f "$printed"

if [ "$quick_code" -eq "$NOTHING_TO_RUN" ]; then exit "$slow_code"; fi
if [ "$slow_code" -eq "$NOTHING_TO_RUN" ]; then exit "$quick_code"; fi
exit $((quick_code > slow_code ? quick_code : slow_code))
