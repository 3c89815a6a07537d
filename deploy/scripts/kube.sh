#!/usr/bin/env bash
# A real Kubernetes for the slow tests: builds the programs that deploy/kube/go.mod pins (kube-apiserver,
# kube-controller-manager, kwok, which plays nodes, and kubectl, which people would use instead of the bot) and keeps them
# beside what kwok is told to do, which comes from its own source. They keep their state in etcd, a package of Debian. Does
# nothing, and needs no network, when that has been done. Prints nothing but what it is about to do.
#
#   kube.sh [install]  installs
#   kube.sh check      says by its exit status whether there is nothing to install
#   kube.sh where      prints the directory
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

source=deploy/kube
version=$(sed -n 's|^\tk8s.io/kubernetes v\([0-9.]*\).*|\1|p' $source/go.mod)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/integritybot
dir=$cache/kube-$version
# An installation was made by what it was made from: a change of that makes a new one. Comments do not count, because a
# new one takes minutes.
recipe=$({ cat $source/go.mod $source/go.sum deploy/scripts/kube.sh | grep -v '^ *\(#\|//\)'; } | sha256sum | cut -d ' ' -f 1)

installed() { [[ -e $dir/recipe && $(<"$dir/recipe") == "$recipe" ]]; }

case ${1:-install} in
  install)
    if installed; then exit 0; fi
    ;;
  check)
    if installed; then exit 0; else exit 1; fi
    ;;
  where)
    echo "$dir"
    exit 0
    ;;
  *)
    echo "usage: kube.sh [install|check|where]" >&2
    exit 2
    ;;
esac

export PATH="$cache/go/bin:$PATH" # where deploy/scripts/setup.sh puts a Go if the machine has none
if ! command -v go >/dev/null 2>&1; then
  echo "kube: there is no go here; run deploy/scripts/setup.sh all, which installs it" >&2
  exit 1
fi

echo "kube: building Kubernetes $version into $dir (once: 6 to 15 minutes on 2 cores, and 3 GB in the caches of Go)"
mkdir -p "$cache"
work=$(mktemp -d "$cache/kube-build.XXXXXX")
trap 'rm -rf "$work"' EXIT

# What a caller has set for the module of the bot does not hold for this one. Without cgo the programs need no compiler
# of C and no shared library, as the released ones do not.
export GOFLAGS='' GOWORK=off CGO_ENABLED=0
gently() { nice -n 10 go "$1" -C $source "${@:2}"; }

# A release is told its version when it is linked. Without it the API server would call itself v0.0.0.
IFS=. read -r major minor _ <<<"$version"
stamp=k8s.io/component-base/version
gently build -mod=readonly -o "$work/" \
  -ldflags "-s -w -X $stamp.gitVersion=v$version -X $stamp.gitMajor=$major -X $stamp.gitMinor=$minor" \
  k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager k8s.io/kubernetes/cmd/kubectl sigs.k8s.io/kwok/cmd/kwok

# What happens to nodes and pods: they become ready at once, pods of jobs succeed at once, and those with the label
# pod-container-running-failed.stage.kwok.x-k8s.io=true fail.
kwok=$(gently list -m -f '{{.Dir}}' sigs.k8s.io/kwok)/kustomize
for stage in node/fast/node-initialize pod/fast/pod-ready pod/fast/pod-complete pod/fast/pod-delete pod/chaos/pod-container-running-failed; do
  printf -- '---\n'
  cat "$kwok/stage/$stage.yaml"
done >"$work/stages.yaml"
# The kind of object that says what the logs of a pod are.
cat "$kwok/crd/bases/kwok.x-k8s.io_logs.yaml" >"$work/logs-crd.yaml"

echo "$recipe" >"$work/recipe"
rm -rf "$dir"
mv -T "$work" "$dir"
