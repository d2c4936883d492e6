#!/usr/bin/env bash
# The SAM CLI from .venv-sam, with a Python 3.13 that has pip first on the path, as `sam build` wants it.
set -euo pipefail

cd "$(dirname "$0")/.."
scripts/venv.sh sam
export PATH="$PWD/.venv-sam/bin:$PATH"
export SAM_CLI_TELEMETRY=${SAM_CLI_TELEMETRY:-0}
# Validating needs some region, though it calls none.
export AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-us-east-1}
exec sam "$@"
