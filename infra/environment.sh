#!/usr/bin/env bash
# Makes .venv, or brings a stale one up to date, exactly as the locks say. `make` runs this before everything else.
#   infra/environment.sh STAMP [DEV_STAMP]     with DEV_STAMP the developer tools too
# The stamps are written last, so that an interrupted run is taken up again. One line says how far it is; the rest is in
# a log that is named when something fails.
set -euo pipefail
cd "$(dirname "$0")/.."
stamp=$1
dev_stamp=${2:-}

# The one line: what is done now and for how long. Where the output is no terminal, each step is a line of its own.
doing() {
  step=$1
  if [ -t 1 ]; then printf '\r\033[K%s … %s s' "$step" "$SECONDS"; else printf '%s …\n' "$step"; fi
}

# Runs one command of the step with its output in the log.
quietly() {
  local code=0 ticker=
  if [ -t 1 ]; then
    (while sleep 1; do doing "$step"; done) &
    ticker=$!
  fi
  "$@" >> "$log" 2>&1 || code=$?
  if [ -n "$ticker" ]; then
    kill "$ticker"
    wait "$ticker" 2> /dev/null || true
  fi
  return "$code"
}

ended() {
  local code=$?
  if [ "$code" -ne 0 ]; then
    kill $(jobs -p) 2> /dev/null || true
    if [ -t 1 ]; then printf '\r\033[K'; fi
    { echo "not done: $step"; tail -n 12 "$log" | sed 's/^/  /'; echo "all of it is in $PWD/$log"; } >&2
  fi
}

install_checkout() {
  local wheels
  wheels=$(mktemp -d) || return
  "$bootstrap/bin/python" -c 'import sys; from hatchling.build import build_editable; build_editable(sys.argv[1])' "$wheels" &&
    infra/uv.sh pip install --python .venv/bin/python --no-deps --offline "$wheels"/*.whl
  local code=$?
  rm -rf "$wheels"
  return "$code"
}

python=$(infra/python.sh)
# What cannot work is said before anything is installed.
"$python" -B -m tranche.doctor --before-install

if [ "$python" != .venv/bin/python ]; then
  rm -rf .venv
  mkdir .venv
fi
log=.venv/install.log
: > "$log"
locks=(requirements.lock)
size="2 GB"
if [ -n "$dev_stamp" ]; then
  locks+=(locks/dev.lock)
  size="2.5 GB"
fi
packages=$(cat "${locks[@]}" | grep -c ==)

trap ended EXIT
doing "making .venv with $("$python" --version)"
if [ "$python" != .venv/bin/python ]; then quietly "$python" -m venv .venv; fi

# uv lies beside the environment it fills, so that filling it exactly does not remove uv itself.
bootstrap=.venv/bootstrap
if ! cmp -s infra/bootstrap.lock "$bootstrap/lock"; then
  doing "fetching uv"
  quietly .venv/bin/python -m venv --clear "$bootstrap"
  quietly "$bootstrap/bin/python" -m pip install --disable-pip-version-check --require-hashes -r infra/bootstrap.lock
  cp infra/bootstrap.lock "$bootstrap/lock"
fi

doing "installing $packages packages into .venv ($size on disk)"
quietly infra/uv.sh pip sync --python .venv/bin/python --require-hashes --compile-bytecode --link-mode copy "${locks[@]}"
quietly install_checkout
rm -f .venv/made-from-* .venv/dev-from-*
touch "$stamp"
if [ -n "$dev_stamp" ]; then touch "$dev_stamp"; fi
if [ -t 1 ]; then printf '\r\033[K'; fi
echo ".venv is ready: $packages packages in $SECONDS s"
