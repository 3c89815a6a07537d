package kafkatest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

var errNotInstalled = errors.New(`there is no Apache Kafka on this machine: run "deploy/scripts/setup.sh all", which puts it into the cache directory`)

// install is what deploy/scripts/kafka.sh made.
type install struct {
	dir, java string
}

func findInstall() (install, error) {
	java, err := exec.LookPath("java") // the one that the script made the archive of classes with
	if err != nil {
		return install{}, fmt.Errorf("%w: %w", errNotInstalled, err)
	}
	cache := os.Getenv("XDG_CACHE_HOME") // as the script does it, on every system
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return install{}, err
		}
		cache = filepath.Join(home, ".cache")
	}
	// The recipe is written last: without it the directory is incomplete.
	complete, err := filepath.Glob(filepath.Join(cache, "integritybot", "kafka-*", "recipe"))
	if err != nil {
		return install{}, err
	}
	return newest(complete, java)
}

// newest prefers the highest version.
func newest(recipes []string, java string) (install, error) {
	if len(recipes) == 0 {
		return install{}, errNotInstalled
	}
	version := func(recipe string) string {
		_, number, _ := strings.Cut(filepath.Base(filepath.Dir(recipe)), "-")
		return "v" + number
	}
	best := slices.MaxFunc(recipes, func(a, b string) int { return semver.Compare(version(a), version(b)) })
	return install{dir: filepath.Dir(best), java: java}, nil
}

// command is a broker with a configuration. It runs inside of the installation with relative paths, because the
// archive of loaded classes fits only a class path that is spelled as the script spells it: sorted by byte.
func (i install) command(configuration, home string) (*exec.Cmd, error) {
	jars, err := filepath.Glob(filepath.Join(i.dir, "libs", "*.jar"))
	if err != nil {
		return nil, err
	}
	for n, jar := range jars {
		jars[n] = filepath.Join("libs", filepath.Base(jar))
	}
	slices.Sort(jars)
	cmd := exec.Command(i.java, //nolint:gosec,noctx // found by us, with arguments of ours; it outlives the test that starts it
		"-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData",
		"-XX:SharedArchiveFile=classes.jsa", "-Xshare:auto", "-Xlog:disable",
		"-XX:ErrorFile="+filepath.Join(home, "jvm-error.log"),
		"-Dlog4j2.configurationFile=log4j2.properties",
		"-cp", strings.Join(jars, ":"), "kafka.Kafka", configuration)
	cmd.Dir = i.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TZ=UTC", "LC_ALL=C"} // nothing of the caller's that Java or Kafka would obey
	return cmd, nil
}
