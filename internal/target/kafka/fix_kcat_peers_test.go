//go:build peers

package kafka

import (
	"bytes"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// kcat has another client (librdkafka) tell what stands in the topic, to the byte.
func (r *rig) kcat(t *testing.T, got []*kgo.Record, wants map[string]*kgo.Record) {
	t.Helper()
	for partition := range int32(4) {
		var want, complaints bytes.Buffer
		for _, record := range got {
			if record.Partition == partition {
				kcatSees(&want, record, wants[lastHeader(record.Headers, headerOrigin)])
			}
		}
		command := exec.CommandContext(t.Context(), "kcat", "-C", "-b", strings.Join(r.cluster.Brokers, ","), "-t", r.events,
			"-p", strconv.Itoa(int(partition)), "-o", "beginning", "-e", "-q", "-X", "isolation.level=read_committed", "-f", kcatFormat)
		command.Stderr = &complaints
		seen, err := command.Output()
		if err != nil {
			t.Fatalf("kcat: %v: %s", err, complaints.String())
		}
		if !bytes.Equal(seen, want.Bytes()) {
			at := 0
			for at < min(len(seen), want.Len()) && seen[at] == want.Bytes()[at] {
				at++
			}
			from := max(0, at-60)
			t.Errorf("partition %d: kcat sees %d bytes instead of %d; from byte %d on:\n%q\ninstead of\n%q", partition, len(seen), want.Len(), at,
				seen[from:min(len(seen), at+60)], want.Bytes()[from:min(want.Len(), at+60)])
		}
	}
}

// kcatFormat has everything that kcat can tell of a record; lengths of -1 are null.
const kcatFormat = "%p %o %T %K %k %S %s %h\n"

// kcatSees writes a record as kcat prints it: of a header's value up to a zero byte.
func kcatSees(out *bytes.Buffer, place, want *kgo.Record) {
	length := func(b []byte) int {
		if b == nil {
			return -1
		}
		return len(b)
	}
	fmt.Fprintf(out, "%d %d %d %d ", place.Partition, place.Offset, want.Timestamp.UnixMilli(), length(want.Key))
	out.Write(want.Key)
	fmt.Fprintf(out, " %d ", length(want.Value))
	out.Write(want.Value)
	out.WriteByte(' ')
	for i, h := range want.Headers {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(h.Key + "=")
		if h.Value == nil {
			out.WriteString("NULL")
		}
		value, _, _ := bytes.Cut(h.Value, []byte{0})
		out.Write(value)
	}
	out.WriteByte('\n')
}
