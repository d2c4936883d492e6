#!/usr/bin/env bash
# Looks for known vulnerabilities in what each lock names, by PyPI's advisories. What cannot be judged is an error too: a
# mirror without advisories would find nothing.
set -euo pipefail

cd "$(dirname "$0")/.."
scripts/venv.sh release
status=0
for lock in layers/dependencies/requirements.txt requirements/*.txt; do
    echo "$lock" >&2
    # Nothing is installed or resolved: a lock names everything, with hashes.
    .venv-release/bin/pip-audit --strict --progress-spinner off --disable-pip --require-hashes --requirement "$lock" || status=1
done
exit "$status"
