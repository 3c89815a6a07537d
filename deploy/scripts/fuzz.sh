#!/usr/bin/env bash
# Runs every Fuzz function of the module, one after another, for the given time each (default 1m).
set -euo pipefail

time=${1:-1m}
found=0
while IFS=: read -r file function; do
  found=1
  package=./$(dirname "$file")
  echo "fuzz: $package $function for $time"
  go test -run '^$' -fuzz "^$function\$" -fuzztime "$time" "$package"
done < <(git grep -oE --untracked '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go' | sed 's/:func /:/')
if [[ $found == 0 ]]; then
  echo "fuzz: there is no Fuzz function" >&2
  exit 1
fi
