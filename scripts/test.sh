#!/usr/bin/env bash
# The tests of `make test`: first what needs the machine for itself, then everything else on two processes.
# Both run, also when the first has failed; the last line is pytest's summary. Further words go to both.
set -uo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"

pytest -q -m "serial and not long" "$@"
alone=$?
# pytest answers 5 when nothing was selected.
[ $alone -eq 5 ] && alone=0
pytest -q -m "not serial and not long" -n "${TEST_PROCESSES:-2}" --dist loadfile "$@"
beside=$?
exit $((alone > beside ? alone : beside))
