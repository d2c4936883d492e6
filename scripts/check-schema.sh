#!/usr/bin/env bash
# The JSON Schema of the watch file must be the model's.
set -euo pipefail

cd "$(dirname "$0")/.."
exec .venv/bin/python scripts/schema.py --check
