#!/usr/bin/env bash
# Rewrites the golden files of the packages that have some; review the difference before committing it.
set -euo pipefail

packages=$(git grep -lE --untracked '"gotest.tools/v3/golden"|flag\.Bool\("update"' -- '*_test.go' | xargs -r -n 1 dirname | sort -u | sed 's|^|./|')
if [[ -z $packages ]]; then
  echo "golden: no package has golden files" >&2
  exit 1
fi
# shellcheck disable=SC2086 # a list
go test $packages -update
git status --short -- '*testdata*'
