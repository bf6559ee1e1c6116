#!/usr/bin/env bash
# Runs uv with what pip is set to do about mirrors and certificates, since uv does not read pip's settings.
#   infra/uv.sh pip compile ...
set -euo pipefail
bootstrap=$(cd "$(dirname "$0")/.." && pwd)/.venv/bootstrap/bin

index=${PIP_INDEX_URL:-$("$bootstrap/python" -m pip config get global.index-url 2>/dev/null || true)}
certificates=${PIP_CERT:-$("$bootstrap/python" -m pip config get global.cert 2>/dev/null || true)}
if [ -n "$index" ] && [ -z "${UV_DEFAULT_INDEX:-}" ]; then export UV_DEFAULT_INDEX="$index"; fi
if [ -n "$certificates" ] && [ -z "${SSL_CERT_FILE:-}" ]; then export SSL_CERT_FILE="$certificates"; fi
exec "$bootstrap/uv" "$@"
