#!/usr/bin/env bash
# Makes a virtual environment, or brings it up to date, from a lock with hashes. Says nothing when there is nothing to do.
#
#   scripts/venv.sh dev      .venv          everything that runs on a developer's machine (requirements/dev.txt)
#   scripts/venv.sh sam      .venv-sam      the deployment tool, by itself (requirements/sam.txt)
#   scripts/venv.sh stack    .venv-stack    what stands in for AWS when the deployed stack is run (requirements/stack.txt)
#   scripts/venv.sh aws      .venv-aws      the AWS CLI, for following the README in a test (requirements/aws.txt)
#   scripts/venv.sh cloudfront  .venv-cloudfront  the SDK with awscrt, for `genesys-certs pins-to-cloudfront`
#   scripts/venv.sh checkov  .venv-checkov  the scanner of the template (requirements/checkov.txt)
#   scripts/venv.sh page     .venv-page     what looks at the status page in the machine's browser (requirements/page.txt)
#   scripts/venv.sh release  .venv-release  what describes a release, and checks the workflows (requirements/release.txt)
#   scripts/venv.sh uv       .tools         the installer of the others (requirements/uv.txt)
set -euo pipefail

cd "$(dirname "$0")/.."
readonly root=$PWD name=${1:?one of: dev sam stack aws cloudfront checkov page release uv}

case $name in
    dev) venv=.venv ;;
    sam | stack | aws | cloudfront | checkov | page | release) venv=.venv-$name ;;
    uv) venv=.tools ;;
    *) echo "scripts/venv.sh: no such environment: $name (one of: dev sam stack aws cloudfront checkov page release uv)" >&2; exit 2 ;;
esac
readonly venv lock=requirements/$name.txt stamp=$venv/.installed

# Of another checkout, as a rule: made anew for this one, it would run this one's code there.
if [ -L "$venv" ]; then
    echo "scripts/venv.sh: $venv is a symbolic link (to $(readlink "$venv")), and what it leads to is left as it is:" \
        "remove the link (rm $venv), and run this again to make one of this checkout's own" >&2
    exit 2
fi

# What the environment was made from: a moved folder or a changed lock is another environment. By content, not by
# time: a fresh clone gives every file the same time.
fingerprint() { printf '%s\n' "$root"; cat "$lock"; }

runs() { "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; }

if [ -f "$stamp" ] && fingerprint | cmp -s - "$stamp" && runs; then
    exit 0
fi

echo "Installing $lock into $venv" >&2
rm -f "$stamp"
if ! runs; then
    python=$(scripts/python.sh)
    "$python" -m venv --clear --without-pip "$venv"
fi

bring_pip() { "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip >/dev/null; }

with_pip() {
    bring_pip
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
}

with_uv() {
    # UV_PYTHON_DOWNLOADS: the interpreter is the one found above. UV_SYSTEM_CERTS: companies have their own proxies.
    scripts/venv.sh uv && UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1 \
        .tools/bin/uv pip sync --quiet --python "$venv/bin/python" --require-hashes "$lock"
}

if [ "$name" = uv ]; then
    with_pip
elif ! with_uv; then
    echo "uv did not work here; installing with pip, which takes longer" >&2
    with_pip
fi

if [ "$name" = sam ]; then
    bring_pip # `sam build` calls the pip of the first Python 3.13 on its path
fi

if [ "$name" = dev ] || [ "$name" = cloudfront ]; then
    # The layer's package and the repository's own packages are run from where they are, not installed.
    site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    printf '%s\n' "$root/layers/rotation_watcher" "$root/cli" "$root" > "$site/rotation_watcher.pth"
    # For sh a call of this Python, for Python a string: a line that begins with #! takes no path with blanks.
    printf "#!/bin/sh\n%s\n%s\nfrom genesys_certs.app import run\n\nrun()\n" \
        "'''exec' '$root/$venv/bin/python' \"\$0\" \"\$@\"" "' '''" > "$venv/bin/genesys-certs"
    chmod +x "$venv/bin/genesys-certs"
fi

fingerprint > "$stamp"
