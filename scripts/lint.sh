#!/usr/bin/env bash
# Every check of the code that does not run it; all of them run, also after one has failed.
set -uo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"

failed=()
check() {
    echo "== $1"
    "${@:2}" || failed+=("$1")
}
check "ruff check" ruff check .
check "ruff format" ruff format --check .
check "mypy" mypy
check "layers" lint-imports --no-logo --no-cache
check "sizes" python -m pytest -q -p no:cacheprovider tests/unit/test_sizes.py
check "openapi.json" python -m agent_runtime.api.openapi --check
check "docs/lifecycle.md" python scripts/draw_lifecycle.py --check

if [ ${#failed[@]} -gt 0 ]; then
    echo "lint failed: ${failed[*]}" >&2
    exit 1
fi
echo "lint passed"
