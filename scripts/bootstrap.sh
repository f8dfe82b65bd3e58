#!/usr/bin/env bash
# Makes .venv what the lock files say: `bootstrap.sh runtime` for use, `bootstrap.sh dev` for tests as well.
# Does nothing when it is so already. Needs only bash and a Python with its venv module.
set -euo pipefail
cd "$(dirname "$0")/.."

group=${1:-runtime}
python=${PYTHON:-python3}
venv=.venv
stamp=$venv/.installed
export UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# Where the system keeps certificates, an operator may have added one of his own; without them the built-in ones serve.
certificates=/etc/ssl/certs/ca-certificates.crt
if [ -s $certificates ]; then
    export UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-1} PIP_CERT=${PIP_CERT:-$certificates}
fi

fail() {
    echo "$1" >&2
    exit 1
}

# dev contains runtime, so an environment that was made for dev serves both.
state() {
    cat "requirements/$1.txt" requirements/build.txt requirements/uv.txt pyproject.toml | cksum
    pwd
}
wanted=$(state "$group")
if [ -x $venv/bin/par ]; then
    for made in dev "$group"; do
        [ -f "$stamp-$made" ] && [ "$(cat "$stamp-$made")" = "$(state $made)" ] && exit 0
    done
fi

command -v "$python" >/dev/null || fail "$python is missing: install Python 3.11 or newer (Debian: apt install python3 python3-venv)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
    || fail "$("$python" --version) is too old: 3.11 or newer is needed (make PYTHON=/path/to/python3.11)"
if [ ! -x $venv/bin/python ] || ! $venv/bin/python -c '' 2>/dev/null; then
    "$python" -c 'import ensurepip, venv' 2>/dev/null \
        || fail "$python has no venv module: apt install python3-venv"
    echo "making $venv"
    "$python" -m venv --clear $venv
fi

lock() {
    # uv names the version that it is; its own lock pins it by hash.
    sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements/uv.txt
}
if [ "$($venv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" != "$(lock)" ]; then
    $venv/bin/python -m pip install --quiet --require-hashes -r requirements/uv.txt
fi

install() {
    $venv/bin/uv pip install --quiet --python $venv/bin/python "$@"
}
echo "installing the locked packages ($group) into $venv"
install --require-hashes -r "requirements/$group.txt" -r requirements/build.txt
install --no-deps --no-build-isolation --editable .
rm -f $stamp-*
printf '%s\n' "$wanted" >"$stamp-$group"
