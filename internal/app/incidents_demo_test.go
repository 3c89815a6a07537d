package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/app"
)

// printed is what a program prints, to be read while it runs.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// TestTheAlertOfTheDemoOpensAnIncident: whoever starts the demo and does nothing sees an
// incident open by itself, with its channel, its numbers and its summary.
func TestTheAlertOfTheDemoOpensAnIncident(t *testing.T) {
	t.Parallel()
	out := &printed{}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- app.Demo(ctx, app.DemoOptions{Listen: "127.0.0.1:0", Orders: 1000, Alert: time.Second, Out: out, Version: "test"})
	}()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Errorf("the demo ended with: %v", err)
		}
	})
	address := await(t, "the invitation", 2*time.Minute, func() (string, bool) {
		select {
		case err := <-ended:
			ended <- nil
			t.Fatalf("the demo ended: %v", err)
		default:
		}
		found := regexp.MustCompile(`Open (http://[^/]+)/`).FindStringSubmatch(out.String())
		if found == nil {
			return "", false
		}
		return found[1], true
	})
	room := await(t, "a channel of an incident", time.Minute, func() (string, bool) {
		var state struct {
			Channels []struct {
				ID, Name string
			}
		}
		look(t, address+"/sim/state?as="+alice, &state)
		for _, c := range state.Channels {
			if strings.HasPrefix(c.Name, "inc-"+time.Now().UTC().Format("20060102")+"-") && c.ID != incident {
				return c.ID, true
			}
		}
		return "", false
	})
	await(t, "its numbers and its summary", time.Minute, func() (int, bool) {
		var in struct {
			Messages []struct{ Text string }
			Pins     []string
		}
		look(t, address+"/sim/channels/"+room+"/messages?as="+alice, &in)
		measured := false
		for _, m := range in.Messages {
			measured = measured || strings.Contains(m.Text, "FAIL Orders:")
		}
		return 0, measured && len(in.Pins) == 1
	})
	_, invitation, _ := strings.Cut(strings.ReplaceAll(out.String(), address, "http://127.0.0.1:8090"), "\n\n")
	invitation, fired, _ := strings.Cut(invitation, "removes it.\n")
	golden(t, "demo-invitation.txt", invitation+"removes it.\n")
	if !strings.Contains(fired, "Alert DataInconsistencyDetected fires") {
		t.Errorf("the demo does not say that it fires: %q", fired)
	}
}

// look reads what the page of a workspace reads.
func look(t *testing.T, address string, into any) {
	t.Helper()
	res, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
}
