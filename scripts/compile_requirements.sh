#!/usr/bin/env bash
# Writes the lock files anew from pyproject.toml and requirements/*.in: versions with hashes, no addresses.
# `compile_requirements.sh --upgrade` takes the newest versions that are allowed, otherwise pinned ones stay.
set -euo pipefail
cd "$(dirname "$0")/.."

compile() {
    .venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
        --python-version 3.11 "$@"
}
compile "$@" pyproject.toml -o requirements/runtime.txt
compile "$@" pyproject.toml --extra dev -c requirements/runtime.txt -o requirements/dev.txt
compile "$@" requirements/build.in -c requirements/dev.txt -o requirements/build.txt
compile "$@" requirements/uv.in -o requirements/uv.txt
