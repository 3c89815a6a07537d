#!/usr/bin/env bash
# Formatting, golangci-lint and unreachable functions; every complaint of all three is shown before it fails.
set -euo pipefail

tools=$(deploy/scripts/tools.sh)
tags=peers,bench
failed=0

unformatted=$("$tools/gofumpt" -l $(git ls-files --cached --others --exclude-standard '*.go'))
if [[ -n $unformatted ]]; then
  printf 'not formatted (run gofumpt -w):\n%s\n' "$unformatted"
  failed=1
fi

"$tools/golangci-lint" run --build-tags "$tags" ./... || failed=1

# Tests count as users: packages such as pgtest have no others.
unreachable=$("$tools/deadcode" -test -tags "$tags" ./...)
if [[ -n $unreachable ]]; then
  printf 'nothing reaches these functions:\n%s\n' "$unreachable"
  failed=1
fi
exit "$failed"
