//go:build bench

package bench

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/integritybot/integritybot/internal/kafkatest"
)

// brokerEnv makes this test binary a broker: see TestMain.
const brokerEnv = "BENCH_BROKER"

func TestMain(m *testing.M) {
	if os.Getenv(brokerEnv) != "" {
		os.Exit(brokerMain())
	}
	if os.Getenv(sideEnv) != "" {
		os.Exit(sideMain())
	}
	if os.Getenv(podsEnv) != "" {
		os.Exit(podsMain())
	}
	if os.Getenv(lookEnv) != "" {
		os.Exit(lookMain())
	}
	os.Exit(kafkatest.Tests(m).Run())
}

// brokerMain is a kfake broker as a process of its own, so that its work is nobody's in particular. It ends with its
// standard input.
func brokerMain() int {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer cluster.Close()
	fmt.Println(strings.Join(cluster.ListenAddrs(), ","))
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// kafkaPeer is a cluster to measure on.
type kafkaPeer struct {
	name    string
	brokers []string
}

// startPeers starts kfake, and Apache Kafka where it is installed.
func startPeers(t *trial) []kafkaPeer {
	t.Helper()
	peers := []kafkaPeer{{"kfake", startFakeBroker(t)}}
	if apacheInstalled() {
		peers = append(peers, kafkaPeer{"Apache Kafka", kafkatest.Start(t, kafkatest.Options{Peer: kafkatest.Apache}).Brokers})
	}
	return peers
}

func startFakeBroker(t *trial) []string {
	t.Helper()
	var out io.ReadCloser
	begin(t, map[string]string{brokerEnv: "1"}, func(cmd *exec.Cmd) {
		var err error
		if out, err = cmd.StdoutPipe(); err != nil {
			t.Fatal(err)
		}
		if _, err := cmd.StdinPipe(); err != nil { // closed by the end of either process
			t.Fatal(err)
		}
	}, os.Args[0])
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the broker did not say where it is: %v", err)
	}
	return strings.Split(strings.TrimSpace(line), ",")
}

// apacheInstalled tells whether deploy/scripts/kafka.sh has run here.
func apacheInstalled() bool {
	cache, err := os.UserCacheDir()
	if err != nil {
		return false
	}
	found, err := filepath.Glob(filepath.Join(cache, "integritybot", "kafka-*", "recipe"))
	return err == nil && len(found) > 0
}
