package kafka

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/kafkatest"
)

// TestAClusterThatFailsAtAnyStepIsUnknown, and says so, whether it goes away or
// falls silent; and as soon as it is back the check works.
func TestAClusterThatFailsAtAnyStepIsUnknown(t *testing.T) {
	t.Parallel()
	steps := map[string][]kmsg.Key{
		"dead-letters": {kmsg.Metadata, kmsg.ListOffsets, kmsg.Fetch},
		"lag":          {kmsg.FindCoordinator, kmsg.DescribeGroups, kmsg.OffsetFetch, kmsg.Metadata, kmsg.ListOffsets},
	}
	for kind, keys := range steps {
		for _, key := range keys {
			for _, silent := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/silent=%t", kind, key.Name(), silent), func(t *testing.T) {
					t.Parallel()
					failsAt(t, kind, key, silent)
				})
			}
		}
	}
}

func failsAt(t *testing.T, kind string, key kmsg.Key, silent bool) {
	t.Helper()
	c := kafkatest.Start(t, kafkatest.Options{Proxy: true})
	topic := c.Topic(t, "dlq", 2, forever())
	unread(t, c, topic, 0, 5, died)
	commit(t, c, "group", topic, map[int32]int64{0: 2})
	target := open(t, c, newClock().during(func() {}), func(o *Options) { o.DialTimeout, o.RequestTimeout = time.Second, time.Second })
	text := map[string]string{"dead-letters": "topic: " + topic, "lag": "group: group\nmax_lag: 1"}[kind]
	d := words(t, kind, text).Detector(target, Sources{})

	var mute atomic.Bool
	var cut <-chan struct{}
	mute.Store(silent)
	if silent {
		c.Fake.ControlKey(key.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
			c.Fake.KeepControl()
			return nil, nil, mute.Load() // taken, and never answered
		})
	} else {
		cut = c.Proxy.CutBefore(t, key)
	}
	_, err := d.Detect(t.Context(), check.Options{}, nil, &recorder{t: t})
	if got := sentence(t, err); got == "" {
		t.Error("it has no sentence")
	}
	if !silent {
		<-cut
	}
	mute.Store(false)
	c.Proxy.Resume()
	until(t, "it to recover", func() bool {
		rec := &recorder{t: t}
		_, err := d.Detect(t.Context(), check.Options{}, nil, rec)
		return err == nil && len(rec.rows()) > 0
	})
}
