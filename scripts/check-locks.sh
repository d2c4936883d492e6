#!/usr/bin/env bash
# A lock names packages, versions and hashes. Where they come from is the business of whoever installs them: an address
# in a lock would send everybody to one registry, or to a machine that only its author has.
set -euo pipefail

cd "$(dirname "$0")/.."
status=0
for lock in layers/dependencies/requirements.txt requirements/*.txt; do
    if grep -nE '[a-z+]+://|^ *(-i|-f|--(extra-)?index-url|--find-links|--trusted-host)\b' "$lock"; then
        echo "$lock: names a place to download from" >&2
        status=1
    fi
    if ! grep -q -- '--hash=sha256:' "$lock"; then
        echo "$lock: has no hashes" >&2
        status=1
    fi
done
exit "$status"
