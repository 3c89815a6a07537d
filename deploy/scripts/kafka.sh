#!/usr/bin/env bash
# Apache Kafka for the slow tests and the benchmarks: fetches by Maven what deploy/kafka/pom.xml lists, and prepares
# what makes a broker start in a second: a formatted log directory to copy, and an archive of loaded classes. It does
# nothing, and needs no network, when that has been done. Prints nothing but what it is about to do.
#
#   kafka.sh         installs
#   kafka.sh check   says by its exit status whether there is nothing to install
#   kafka.sh where   prints the directory
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

source=deploy/kafka
version=$(sed -n 's|.*<kafka.version>\(.*\)</kafka.version>.*|\1|p' $source/pom.xml)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/integritybot
dir=$cache/kafka-$version
# An installation was made by what it was made from: a change of that makes a new one.
recipe=$(cat $source/* deploy/scripts/kafka.sh | sha256sum | cut -d ' ' -f 1)

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
    echo "usage: kafka.sh [check|where]" >&2
    exit 2
    ;;
esac

for tool in java mvn; do
  if ! command -v $tool >/dev/null 2>&1; then
    echo "kafka: there is no $tool here; run deploy/scripts/setup.sh all, which installs it" >&2
    exit 1
  fi
done

echo "kafka: fetching Apache Kafka $version (by Maven, 45 MB) into $dir"
mkdir -p "$cache"
work=$(mktemp -d "$cache/kafka-download.XXXXXX")
broker='' # the process id of a broker of ours that runs
trap '[[ -z $broker ]] || kill -KILL "$broker" || true; rm -rf "$work"' EXIT

quietly() { # shows what a command said only if it failed
  "$@" >"$work/output" 2>&1 </dev/null || {
    cat "$work/output" >&2
    echo "kafka: failed: ${*:1:3} …" >&2
    return 1
  }
}

# --strict-checksums: a cut or altered copy is refused.
quietly mvn --batch-mode --no-transfer-progress --strict-checksums -f $source/pom.xml dependency:copy-dependencies \
  -DincludeScope=runtime -DoutputDirectory="$work/libs"
cp $source/log4j2.properties $source/server.properties "$work"
# Everything happens inside of the new directory with relative paths: the archive of classes fits only a class path that
# is spelled the same, and the directory is about to be renamed.
cd "$work"
classpath=$(printf '%s\n' libs/*.jar | LC_ALL=C sort | paste -sd :)
java=(java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData -Dlog4j2.configurationFile=log4j2.properties)

settings() { # settings CLIENT_PORT CONTROLLER_PORT
  cat server.properties
  printf '%s\n' "listeners = PLAINTEXT://127.0.0.1:$1,CONTROLLER://127.0.0.1:$2" "controller.quorum.voters = 1@127.0.0.1:$2"
}

# A broker is started once, and ended in an orderly way, upon which the virtual machine writes the archive. Its ports are
# a guess that may be wrong; without an archive the brokers of the tests start, too, but take twice as long.
train() {
  local port=$((20000 + RANDOM % 10000)) i
  settings "$port" $((port + 1)) >training.properties
  cp -r formatted training
  sed -i 's|^log.dirs.*|log.dirs = training|' training.properties
  "${java[@]}" -XX:ArchiveClassesAtExit=classes.jsa -cp "$classpath" kafka.Kafka training.properties >output 2>&1 </dev/null &
  broker=$!
  for ((i = 0; i < 600; i++)); do
    ! grep -q 'Kafka Server started' output || break
    kill -0 "$broker" 2>/dev/null || break
    sleep 0.1
  done
  kill -TERM "$broker" 2>/dev/null || true
  wait "$broker" || true # 143: it was asked to end
  broker=''
  rm -rf training training.properties
  [[ -e classes.jsa ]]
}

settings 1 2 >format.properties
quietly "${java[@]}" -cp "$classpath" kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAQ -c format.properties
train || train || train || echo "kafka: no archive of classes could be made; brokers will start slower. The last attempt said: $(tail -n 3 output)" >&2

rm -f output format.properties
echo "$recipe" >recipe
rm -rf "$dir"
mv -T "$work" "$dir"
