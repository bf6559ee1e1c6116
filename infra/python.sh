#!/usr/bin/env bash
# Prints the Python to work with: the environment's own where there is one, else one of the path that can make it.
set -euo pipefail
cd "$(dirname "$0")/.."

fits() {
  "$1" -c 'import sys, venv, ensurepip
sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) or sys.implementation.name != "cpython")' > /dev/null 2>&1
}

# A relative PYTHON, a broken shim and a Python without venv are all passed over.
for candidate in .venv/bin/python "${PYTHON:-python3.11}" python3.11 python3.12 python3.13 python3; do
  if fits "$candidate"; then
    command -v "$candidate"
    exit
  fi
done
cat >&2 <<'MESSAGE'
Python 3.11, 3.12 or 3.13 with its venv module is needed and was not found on the path.
Get it from the system's packages (Debian, Ubuntu: python3.11 python3.11-venv; macOS with Homebrew: python@3.12), or name
one that lies elsewhere: make PYTHON=/path/to/python3.12 ...
MESSAGE
exit 1
