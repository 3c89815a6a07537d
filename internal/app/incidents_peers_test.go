//go:build peers

package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/integritybot/integritybot/internal/mailtest"
	"github.com/integritybot/integritybot/internal/process"
)

// TestARealAlertIsToldByRealMail: Debian's Alertmanager fires, the whole bot opens an
// incident, what people are told reaches Debian's mail server by STARTTLS, and the end of the
// alert is noted. None of the servers is made with anything of ours.
func TestARealAlertIsToldByRealMail(t *testing.T) {
	t.Parallel()
	post := startPost(t)
	e := newEmergencyWith(t, 2, func(yaml string) string {
		return strings.Replace(yaml, "    password: ${SMTP_PASSWORD}\n", "    ca_file: "+post.ca+"\n", 1)
	}, "SMTP_ADDR="+post.addr, "SMTP_TLS=starttls")
	alarm := startAlarm(t, e.at[0])
	since := time.Now().Add(-5 * time.Minute).Truncate(time.Second).UTC()
	alarm.post(t, "DataInconsistencyDetected", since, time.Time{})
	alarm.post(t, "DiskFull", since, time.Time{})

	room := e.room().ID
	e.standing(alice, room, "FAIL Orders:")
	says(t, e.pinned(alice, room), "P0", "INC-")
	e.standing(alice, alerts, "the alert DataInconsistencyDetected")
	time.Sleep(3 * time.Second) // it is told again each second, as repeat_interval says
	if n := e.count(`SELECT count(*) FROM incidents`); n != 1 {
		t.Errorf("%d incidents", n)
	}

	e.sayAs(alice, room, "", "/integrity notify opened --audience executives --says 'Größe bekannt: the warehouse counts by hand.'")
	preview := e.standing(alice, room, "Preview:", "the warehouse counts by hand")
	e.pressIn(alice, room, preview, "Send")
	mails := await(t, "the mail in the mailbox", time.Minute, func() ([]mailtest.Mail, bool) {
		mails := post.mails(t)
		return mails, len(mails) > 0
	})
	if len(mails) != 1 || mails[0].Subject != "P0 - Data Inconsistency Detected" || !strings.Contains(mails[0].Header.Get("To"), "executives@example.com") {
		t.Errorf("the mails are %+v", mails)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(mails[0].Text), "\n") {
		if !strings.Contains(fmt.Sprint(preview.Blocks), line) {
			t.Errorf("the mail says %q, which the preview does not", line)
		}
	}
	e.told(1)

	alarm.post(t, "DataInconsistencyDetected", since, time.Now())
	await(t, "the end of the alert being noted", 40*time.Second, func() (int, bool) {
		return 0, e.count(`SELECT count(*) FROM audit_events WHERE action = 'alert.ended'`) == 1
	})
	if open := ask[string](t, e.store(), `SELECT status FROM incidents`)[0]; open == "resolved" {
		t.Error("the end of an alert ended the incident")
	}
	e.sayAs(alice, room, "", "/integrity incident timeline")
	e.standing(alice, room, "entries since", "DataInconsistencyDetected has ended", "Executives")
	e.clean()
}

// post is a mail server of Debian, aiosmtpd.
type post struct{ addr, ca, boxes string }

func startPost(t *testing.T) post {
	t.Helper()
	dir := t.TempDir()
	ca, certificate, private, err := mailtest.Certificates()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"ca.pem": ca, "cert.pem": certificate, "key.pem": private} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var port process.Port
	if err := process.FreePorts(t.Context(), &port); err != nil {
		t.Fatal(err)
	}
	p := post{addr: port.Address(), ca: filepath.Join(dir, "ca.pem"), boxes: filepath.Join(dir, "box")}
	startPeer(t, dir, "aiosmtpd", "-n", "-l", p.addr, "--tlscert", filepath.Join(dir, "cert.pem"), "--tlskey", filepath.Join(dir, "key.pem"),
		"-c", "aiosmtpd.handlers.Mailbox", p.boxes)
	await(t, "the mail server being there", 30*time.Second, func() (int, bool) {
		conn, err := net.DialTimeout("tcp", p.addr, time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return 0, err == nil
	})
	return p
}

func startPeer(t *testing.T, dir, binary string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(binary)
	if err != nil {
		t.Fatalf("no %s is installed: run make setup-all", binary)
	}
	p, err := process.Start(exec.Command(path, args...), process.Options{Log: filepath.Join(dir, "log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
}

// mails are those in its mailbox.
func (p post) mails(t *testing.T) []mailtest.Mail {
	t.Helper()
	out, err := mailtest.Maildir(p.boxes)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// alarm is Debian's Alertmanager with the configuration in deploy/, its times made short.
type alarm struct{ url string }

func startAlarm(t *testing.T, bot string) alarm {
	t.Helper()
	example, err := os.ReadFile("../../deploy/prometheus/alertmanager.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := strings.NewReplacer(
		"http://integritybot.integritybot.svc:8080", "http://"+bot, "/etc/alertmanager/integritybot-token", filepath.Join(dir, "token"),
		"group_wait: 10s", "group_wait: 100ms", "group_interval: 1m", "group_interval: 1s", "repeat_interval: 4h", "repeat_interval: 1s",
	).Replace(string(example))
	for name, content := range map[string]string{"alertmanager.yml": text, "token": alertToken + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var port process.Port
	if err := process.FreePorts(t.Context(), &port); err != nil {
		t.Fatal(err)
	}
	startPeer(t, dir, "prometheus-alertmanager", "--config.file="+filepath.Join(dir, "alertmanager.yml"), "--storage.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+port.Address(), "--cluster.listen-address=")
	a := alarm{"http://" + port.Address()}
	await(t, "Alertmanager being there", 30*time.Second, func() (int, bool) {
		return 0, a.ask(t.Context(), http.MethodGet, "/-/ready", nil) == nil
	})
	return a
}

func (a alarm) ask(ctx context.Context, method, path string, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, method, a.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("alertmanager answers %s", res.Status)
	}
	return nil
}

// post tells it what Prometheus would; an end in the past ends the alert.
func (a alarm) post(t *testing.T, name string, since, until time.Time) {
	t.Helper()
	one := map[string]any{
		"labels": map[string]string{"alertname": name, "domain": "orders", "severity": "critical"}, "startsAt": since,
		"generatorURL": "https://prometheus.example.com/graph", "annotations": map[string]string{"summary": "7 orders are orphaned"},
	}
	if !until.IsZero() {
		one["endsAt"] = until
	}
	body, err := json.Marshal([]any{one})
	if err == nil {
		err = a.ask(t.Context(), http.MethodPost, "/api/v2/alerts", body)
	}
	if err != nil {
		t.Fatal(err)
	}
}
