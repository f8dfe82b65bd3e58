#!/usr/bin/env bash
# Runs MCP's published conformance suite, server mode, against `par mcp serve --http`: the scenarios for what it offers.
# Needs Node 20 or newer and npm's registry. Ends with the status of the first scenario that fails. Argument: a free port.
set -euo pipefail
cd "$(dirname "$0")/.."
port="${1:-8097}"
work=$(mktemp -d)
PAR_ENV_FILE="" PAR_DATA_DIR="$work/data" .venv/bin/par mcp serve --http "127.0.0.1:$port" --no-runtime &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 100); do
    curl -s -o /dev/null "http://127.0.0.1:$port/mcp" && break
    sleep 0.2
done
cd "$work" # The suite leaves its results where it runs.
for scenario in server-initialize ping tools-list dns-rebinding-protection; do
    npx --yes @modelcontextprotocol/conformance@0.1.11 server --url "http://127.0.0.1:$port/mcp" --scenario "$scenario"
done
