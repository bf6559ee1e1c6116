#!/usr/bin/env bash
# Format, lint, types, import layers, conventions and documents: beside each other, since each but the first keeps one
# core busy. What a check prints comes when all have ended, in the order below.
set -uo pipefail
cd "$(dirname "$0")/.."

printed=$(mktemp -d)
declare -a checks=()
declare -A running=()
begin() {
  local name=$1
  shift
  "$@" > "$printed/$name" 2>&1 &
  running[$name]=$!
  checks+=("$name")
}
trap 'kill -INT "${running[@]}" 2> /dev/null; wait; rm -rf "$printed"; exit 130' INT TERM

begin format .venv/bin/ruff format --check
begin lint .venv/bin/ruff check
begin types .venv/bin/mypy
begin layers env PYTHONPATH=. .venv/bin/lint-imports
begin conventions .venv/bin/python -m pytest -q tests/test_conventions.py tests/test_docs.py

code=0
for name in "${checks[@]}"; do
  wait "${running[$name]}" || code=1
  printf '\n== %s\n' "$name"
  cat "$printed/$name"
done
rm -rf "$printed"
exit "$code"
