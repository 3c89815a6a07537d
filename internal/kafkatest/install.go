package kafkatest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/integritybot/integritybot/internal/process"
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
	dir, err := process.Installed("kafka")
	if err == nil && dir == "" {
		err = errNotInstalled
	}
	return install{dir: dir, java: java}, err
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
