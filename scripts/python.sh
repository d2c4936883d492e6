#!/usr/bin/env bash
# Prints the path of a Python 3.13 that works, or says how to get one.
#
# A `python3.13` on the path proves nothing: version managers put shims there that only print an error. So each
# candidate is run, and must bring what a virtual environment needs: ssl, venv and ensurepip.
set -euo pipefail

readonly wanted=3.13

works() {
    "$1" -c "
import ensurepip, ssl, sys, venv
sys.exit(sys.version_info[:2] != tuple(map(int, '$wanted'.split('.'))))
" >/dev/null 2>&1
}

# pyenv itself may be missing where its shims are on the path: they lie in <root>/shims.
pyenv_roots() {
    if command -v pyenv >/dev/null 2>&1; then pyenv root 2>/dev/null || true; fi
    local shim
    shim=$(command -v "python$wanted" || true)
    case $shim in */shims/*) echo "${shim%/shims/*}" ;; esac
    echo "${PYENV_ROOT:-${HOME:-}/.pyenv}"
}

candidates() {
    if [ -n "${PYTHON:-}" ]; then echo "$PYTHON"; fi
    echo "python$wanted"
    local root found
    while IFS= read -r root; do
        for found in "$root/versions/$wanted".*/bin/"python$wanted"; do
            if [ -x "$found" ]; then echo "$found"; fi
        done
    done < <(pyenv_roots)
    echo python3
}

tried=""
while IFS= read -r candidate; do
    if works "$candidate"; then
        # The real interpreter, not a shim whose answer depends on the folder it is called in.
        exec "$candidate" -c 'import sys; print(sys.executable)'
    fi
    tried+=" $candidate"
done < <(candidates)

cat >&2 <<EOF
No working Python $wanted found (with ssl, venv and ensurepip). Tried:$tried

AWS Lambda runs this code on Python $wanted, so nothing else is supported here. Install it, for example with
  Debian, Ubuntu:  apt install python$wanted python$wanted-venv
  macOS:           brew install python@$wanted
  pyenv:           pyenv install $wanted
or name one:       make PYTHON=/path/to/python$wanted
EOF
exit 1
