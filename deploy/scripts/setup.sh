#!/usr/bin/env bash
# Installs what `make demo` (level demo), `make test` (test) or `make test-all` (all) need and this machine lacks. It
# says what it will do before it does it, does nothing when nothing is missing, and needs no network then.
set -euo pipefail

level=${1:?usage: setup.sh demo|test|all}
go_min_minor=21 # from Go 1.21 on, the go command fetches the exact version that go.mod names by itself
go_version=1.26.8
go_downloads=${GO_DOWNLOADS:-https://go.dev/dl}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/integritybot
scripts=$(dirname "${BASH_SOURCE[0]}")
missing=() # "package: why"
install_kafka=false
install_kube=false

have() { command -v "$1" >/dev/null 2>&1; }

have_go() {
  have go || return 1
  local version
  version=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || return 1
  [[ $version =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= go_min_minor))
}

# The same places as internal/pgproc searches.
have_postgres() {
  local dir
  for dir in "$(dirname "$(command -v postgres || echo /nonexistent/postgres)")" \
    /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/libexec/postgresql* /usr/local/pgsql/bin; do
    if [[ -x $dir/initdb && -x $dir/postgres && $("$dir/postgres" --version) =~ \(PostgreSQL\)\ ([0-9]+) ]] &&
      ((BASH_REMATCH[1] >= 14)); then
      return 0
    fi
  done
  return 1
}

have_compiler() {
  (have gcc || have clang) && [[ -n $(echo '#include <stdlib.h>' | "$(command -v gcc || command -v clang)" -E - 2>/dev/null) ]]
}

# Kafka 4 needs Java 17 (its documentation, "Java Version").
have_java() {
  [[ $(java -version 2>&1) =~ version\ \"([0-9]+) ]] && ((BASH_REMATCH[1] >= 17))
}

have_chromium() { have chromium || have chromium-browser || have google-chrome || have headless_shell; }

need() { missing+=("$1: $2"); }

have_compiler || need "gcc libc6-dev" "the parser of SQL checks is C"
have_postgres || need "postgresql" "server binaries for the demo and the tests; no server is left running"
have redis-server || need "redis-server" "the cache of the demo and the tests; no server is left running or enabled"
if [[ $level != demo ]]; then
  have redis-sentinel || need "redis-sentinel" "the tests fail a cache over; none is left running or enabled"
  have_chromium || need "chromium" "the tests drive the simulated workspace's web page"
fi
if [[ $level == all ]]; then
  { have node && have npm; } || need "nodejs npm" "Slack's official Node clients certify the simulator"
  have_java || need "default-jre-headless" "Apache Kafka is written in Java"
  have mvn || need "maven" "to fetch Apache Kafka"
  have kcat || need "kcat" "a client of Kafka that is not ours, for the tests"
  have aiosmtpd || need "python3-aiosmtpd" "a mail server that is not ours, for the tests; none is left running"
  "$scripts/kafka.sh" check || install_kafka=true
  have prometheus-alertmanager || need "prometheus-alertmanager" "the sender of alerts that the tests take some from; none is left running or enabled"
  have etcd || need "etcd-server" "where Kubernetes keeps its state; none is left running or enabled"
  "$scripts/kube.sh" check || install_kube=true
fi
install_go=false
if ! have_go; then
  install_go=true
  { have curl && [[ -e /etc/ssl/certs/ca-certificates.crt ]]; } || need "curl ca-certificates" "to fetch Go"
fi

if ((${#missing[@]} == 0)) && [[ $install_go == false && $install_kafka == false && $install_kube == false ]]; then
  exit 0
fi

echo "setup: this machine lacks, and I am going to install:"
for item in "${missing[@]}"; do
  echo "  ${item%%: *} (by apt-get): ${item#*: }"
done
if [[ $install_go == true ]]; then
  echo "  Go $go_version (from $go_downloads, into $cache/go; the rest of the system does not see it)"
fi
if [[ $install_kafka == true ]]; then
  echo "  Apache Kafka (by Maven, 45 MB, into $("$scripts/kafka.sh" where)): the peer of the slow tests; none is left running"
fi
if [[ $install_kube == true ]]; then
  echo "  Kubernetes (built by Go in 6 to 15 minutes, with 3 GB in its caches, into $("$scripts/kube.sh" where)): the peer of the slow tests; none is left running"
fi

as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif [[ -t 0 ]]; then
    sudo "$@"
  else
    sudo -n "$@" # nobody is there to type a password
  fi
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" </dev/null
}

# Debian's package would create and start a cluster of its own. This is asked not to, for this installation only.
install_postgres() {
  local no_cluster=/etc/postgresql-common/createcluster.d/integritybot-setup.conf
  apt_install postgresql-common
  as_root mkdir -p "$(dirname "$no_cluster")"
  echo "create_main_cluster = false" | as_root tee "$no_cluster" >/dev/null
  local status=0
  apt_install postgresql || status=$?
  as_root rm -f "$no_cluster"
  return "$status"
}

# Debian's packages of servers start them, and enable them for the next boot. The first is refused by a policy (Debian
# Policy 9.3.3.1) for this installation only, unless this machine has one of its own, which is left alone; the second is
# taken back, and what was started nevertheless is stopped. What was installed before is not touched.
policy=/usr/sbin/policy-rc.d
our_policy=false
install_server() { # install_server SERVICE PACKAGE
  if [[ ! -e $policy ]]; then
    our_policy=true
    printf '#!/bin/sh\n# of integritybot\x27s setup.sh, which removes it again\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  local status=0
  apt_install "$2" || status=$?
  remove_policy
  ((status == 0)) || return "$status"
  as_root /usr/sbin/update-rc.d "$1" disable
  if [[ -d /run/systemd/system ]]; then
    as_root systemctl stop "$1"
  fi
}

remove_policy() {
  if [[ $our_policy == true ]]; then
    as_root rm -f "$policy"
    our_policy=false
  fi
}

install_packages() {
  if ! have apt-get; then
    echo "setup: there is no apt-get here; install what the list above names with this system's package manager and run make again" >&2
    exit 1
  fi
  if [[ $(id -u) != 0 ]] && ! have sudo; then
    echo "setup: installing needs root and there is no sudo; run as root: apt-get install ${missing[*]%%:*}" >&2
    exit 1
  fi
  as_root apt-get update -q </dev/null
  local item
  for item in "${missing[@]}"; do
    case ${item%%: *} in
      postgresql) install_postgres ;;
      redis-server | redis-sentinel | prometheus-alertmanager) install_server "${item%%: *}" "${item%%: *}" ;;
      etcd-server) install_server etcd etcd-server ;;
      # shellcheck disable=SC2086 # several packages in one item
      *) apt_install ${item%%: *} ;;
    esac
  done
}

work='' # a directory for downloads
trap 'remove_policy; [[ -z $work ]] || rm -rf "$work"' EXIT

fetch_go() {
  local arch archive
  case $(uname -m) in
    x86_64) arch=amd64 ;;
    aarch64) arch=arm64 ;;
    *)
      echo "setup: no ready-made Go for $(uname -m); install Go 1.$go_min_minor or newer and run make again" >&2
      exit 1
      ;;
  esac
  archive=go$go_version.linux-$arch.tar.gz
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/go-download.XXXXXX")
  curl -fsSL --retry 3 -o "$work/$archive" "$go_downloads/$archive"
  # The sum guards against a cut or altered copy; that it is Go's is vouched for by TLS.
  echo "$(curl -fsSL --retry 3 "$go_downloads/$archive.sha256")  $work/$archive" | sha256sum -c --quiet -
  tar -xzf "$work/$archive" -C "$work"
  rm -rf "$cache/go"
  mv "$work/go" "$cache/go"
}

((${#missing[@]} == 0)) || install_packages
[[ $install_go == false ]] || fetch_go
[[ $install_kafka == false ]] || "$scripts/kafka.sh"
[[ $install_kube == false ]] || "$scripts/kube.sh"
echo "setup: done"
