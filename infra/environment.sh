#!/usr/bin/env bash
# Makes .venv from requirements.lock, or brings a stale one up to date. `make` runs this before everything else.
#   infra/environment.sh <stamp>      <stamp> is written last, so that an interrupted run is taken up again
set -euo pipefail
cd "$(dirname "$0")/.."
stamp=$1

fits() {
  "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

find_python() {
  local candidate
  # A relative PYTHON, a broken shim and a Python without venv are all passed over.
  for candidate in "${PYTHON:-python3.11}" python3.11 python3.12 python3.13 python3; do
    if fits "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  cat >&2 <<'MESSAGE'
Python 3.11, 3.12 or 3.13 with its venv module is needed and was not found on the path.
Get it from the system's packages (Debian, Ubuntu: python3.11 python3.11-venv; macOS with Homebrew: python@3.12), or name
one that lies elsewhere: make PYTHON=/path/to/python3.12 ...
MESSAGE
  return 1
}

# What pip was told about mirrors and certificates holds for uv too, which does not read pip's settings.
like_pip() {
  local index certificates
  index=${PIP_INDEX_URL:-$("$1" -m pip config get global.index-url 2>/dev/null || true)}
  certificates=${PIP_CERT:-$("$1" -m pip config get global.cert 2>/dev/null || true)}
  if [ -n "$index" ] && [ -z "${UV_DEFAULT_INDEX:-}" ]; then export UV_DEFAULT_INDEX="$index"; fi
  if [ -n "$certificates" ] && [ -z "${SSL_CERT_FILE:-}" ]; then export SSL_CERT_FILE="$certificates"; fi
}

if ! fits .venv/bin/python; then
  python=$(find_python)
  echo "making .venv with $("$python" --version) ($python)"
  rm -rf .venv
  "$python" -m venv .venv
fi

# uv lives beside the environment it fills, so that filling it exactly does not remove uv itself.
bootstrap=.venv/bootstrap
if ! cmp -s infra/bootstrap.lock "$bootstrap/lock"; then
  echo "fetching uv"
  .venv/bin/python -m venv --clear "$bootstrap"
  "$bootstrap/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r infra/bootstrap.lock
  cp infra/bootstrap.lock "$bootstrap/lock"
fi

like_pip "$bootstrap/bin/python"
uv=$bootstrap/bin/uv
echo "installing what requirements.lock names (about 2 GB on disk; 20 to 60 s on a good line)"
"$uv" pip sync --python .venv/bin/python --require-hashes --compile-bytecode --link-mode copy requirements.lock
"$uv" pip install --python .venv/bin/python --no-deps --no-build-isolation --offline --quiet --editable .
rm -f .venv/made-from-*
touch "$stamp"
