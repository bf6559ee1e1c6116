#!/usr/bin/env bash
# Resolves pyproject.toml into the locks, all with the same versions: requirements.lock is the product with every extra but
# dev, locks/EXTRA.lock one extra for an environment of its own, locks/dev.lock what dev adds to requirements.lock.
#   infra/lock.sh [--upgrade]
set -euo pipefail
cd "$(dirname "$0")/.."
product="serving jobs train airflow local"

compile() {
  infra/uv.sh pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet "$@" > /dev/null
}

extras() {
  printf -- '--extra %s ' "$@"
}

# One resolution of everything decides each version; it keeps those of the locks as they are.
all=$(mktemp)
trap 'rm -f "$all"' EXIT
cat requirements.lock locks/dev.lock > "$all"
# shellcheck disable=SC2046  # each extra is two words
compile pyproject.toml $(extras $product dev) "$@" -o "$all"

# shellcheck disable=SC2046
compile pyproject.toml $(extras $product) -c "$all" -o requirements.lock
for extra in $product; do
  compile pyproject.toml --extra "$extra" -c "$all" -o "locks/$extra.lock"
done

# A package is the line of its name with the lines of its hashes below it.
awk '/^[^ ]/ { new = !($1 in seen); if (NR == FNR) seen[$1] = 1 } NR != FNR && new' requirements.lock "$all" > locks/dev.lock

compile infra/bootstrap.in "$@" -o infra/bootstrap.lock
compile infra/beancount.in "$@" -o infra/beancount.lock

# uv repeats the platforms of tool.uv.environments on each line, a quarter of a lock; only what narrows them further stays.
platforms=$(sed -n 's/^typer==[^;]* ; \(.*\) \\$/\1/p' "$all")
for lock in requirements.lock locks/*.lock infra/*.lock; do
  awk -v platforms=" ; $platforms " '{ at = index($0, platforms) } at { $0 = substr($0, 1, at) "\\" } 1' "$lock" > "$all"
  cat "$all" > "$lock"
done
