#!/usr/bin/env bash
# Prints the directory with the pinned lint tools and builds those that are not there yet. Building golangci-lint takes
# some minutes; the directory is named after the versions, so that it happens once per version and user.
set -euo pipefail

golangci=v2.15.0
deadcode=v0.51.0

go_version=$(go env GOVERSION)
dir=${XDG_CACHE_HOME:-$HOME/.cache}/integritybot/tools-$golangci-$deadcode-$go_version
mkdir -p "$dir"

tool() {
  [[ -x $dir/$1 ]] && return
  echo "lint: building $1 (once)" >&2
  # Outside of the module: the tools' dependencies are not ours. -p bounds the memory of the build.
  (cd / && GOFLAGS='' GOBIN=$dir go install -p 2 "$2") >&2
}

tool golangci-lint "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$golangci"
tool deadcode "golang.org/x/tools/cmd/deadcode@$deadcode"
echo "$dir"
