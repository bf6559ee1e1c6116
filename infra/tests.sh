#!/usr/bin/env bash
# Tests in two processes, each with a runtime of its own, that share one queue: one begins with what needs Spark, the
# other with what needs the kept demo, and whichever ends first goes on with what is left. Arguments narrow both; what the
# second one prints comes when both have ended.
set -uo pipefail
cd "$(dirname "$0")/.."
NOTHING_TO_RUN=5

# Tests start hundreds of Python processes, and each would compile our modules again.
unset PYTHONDONTWRITEBYTECODE

queue=$(mktemp -d)
export TRANCHE_TESTS_QUEUE=$queue/taken
mkdir "$TRANCHE_TESTS_QUEUE"
# Each process shows a part of all tests, so a percentage of all would mislead.
tests=(.venv/bin/python -m pytest -p tests.queue_of_tests -o console_output_style=classic "$@")

TRANCHE_TESTS_FIRST=kept_demo "${tests[@]}" > "$queue/printed" 2>&1 &
second=$!
trap 'kill -INT "$second" 2> /dev/null; wait "$second"; rm -rf "$queue"; exit 130' INT TERM
TRANCHE_TESTS_FIRST=spark "${tests[@]}"
first_code=$?
wait "$second"
second_code=$?
printf '\n== the second process\n'
cat "$queue/printed"
rm -rf "$queue"

if [ "$first_code" -eq "$NOTHING_TO_RUN" ]; then exit "$second_code"; fi
if [ "$second_code" -eq "$NOTHING_TO_RUN" ]; then exit "$first_code"; fi
exit $((first_code > second_code ? first_code : second_code))
