#!/usr/bin/env bash
# Resolves requirements/*.in into locks with hashes. Pins that still fit stay; `make lock UPGRADE=1` takes the newest.
set -euo pipefail

cd "$(dirname "$0")/.."
scripts/venv.sh uv

readonly layer=layers/dependencies/requirements.txt

compile() {
    # --universal: one lock for the Lambda runtime and for developers' machines, whatever their processor.
    UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1 .tools/bin/uv pip compile --quiet \
        --generate-hashes --no-emit-index-url --no-emit-find-links --universal --python-version 3.13 \
        --custom-compile-command 'make lock' ${UPGRADE:+--upgrade} "$@"
}

compile requirements/layer.in -o "$layer"
# What the functions run with is what is tested: the developers' lock keeps to the layer's pins.
compile requirements/dev.in -c "$layer" -o requirements/dev.txt
for name in cloudfront cli; do
    compile "requirements/$name.in" -c "$layer" -c requirements/dev.txt -o "requirements/$name.txt"
done
for name in sam stack aws checkov page release uv; do
    compile "requirements/$name.in" -o "requirements/$name.txt"
done
scripts/check-locks.sh
