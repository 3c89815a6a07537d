#!/usr/bin/env bash
# golangci-lint, with gofumpt's formatting, and unreachable functions; every complaint of both is shown before it fails.
set -euo pipefail

tools=$(deploy/scripts/tools.sh)
tags=peers,bench
failed=0

if ! "$tools/golangci-lint" run --build-tags "$tags" ./...; then
  echo "lint: what is only badly formatted, \"$tools/golangci-lint fmt\" mends"
  failed=1
fi

# Tests count as users: packages such as pgtest have no others.
unreachable=$("$tools/deadcode" -test -tags "$tags" ./...)
if [[ -n $unreachable ]]; then
  printf 'nothing reaches these functions:\n%s\n' "$unreachable"
  failed=1
fi
exit "$failed"
