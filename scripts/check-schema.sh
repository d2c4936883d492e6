#!/usr/bin/env bash
# The JSON Schema of the watch file must be the model's, and the page of permissions the templates'.
set -euo pipefail

cd "$(dirname "$0")/.."
.venv/bin/python scripts/schema.py --check
.venv/bin/python scripts/iam.py --check
.venv/bin/python scripts/partitions.py --check
