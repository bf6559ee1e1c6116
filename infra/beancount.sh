#!/usr/bin/env bash
# Runs a program of beancount's own environment, which is made from infra/beancount.lock when it is missing or stale.
#   infra/beancount.sh bean-check FILE
#   infra/beancount.sh bean-query FILE QUERY
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
environment=$root/.venv/beancount

if ! cmp -s "$root/infra/beancount.lock" "$environment/lock"; then
  "$root/.venv/bin/python" -m venv --clear "$environment"
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
    -r "$root/infra/beancount.lock" >&2
  cp "$root/infra/beancount.lock" "$environment/lock"
fi
program=$1
shift
exec "$environment/bin/$program" "$@"
