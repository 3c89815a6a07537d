//go:build peers

package notify_test

import (
	"context"
	"crypto/x509"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/integritybot/integritybot/internal/mailtest"
	"github.com/integritybot/integritybot/internal/notify"
	"github.com/integritybot/integritybot/internal/process"
)

// maxPeerMail is how many bytes a mail to the peer may have.
const maxPeerMail = 20_000

// peer is a mail server of Debian, aiosmtpd, which nothing of ours is made with.
type peer struct {
	addr  string
	boxes string // a Maildir
	cas   *x509.CertPool
}

// startPeer starts one; tls is how it wants to be talked to.
func startPeer(t *testing.T, tls notify.TLSMode) peer {
	t.Helper()
	dir := t.TempDir()
	ca, certificate, key, err := mailtest.Certificates()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"cert.pem": certificate, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var port process.Port
	if err := process.FreePorts(t.Context(), &port); err != nil {
		t.Fatal(err)
	}
	p := peer{addr: port.Address(), boxes: filepath.Join(dir, "box"), cas: x509.NewCertPool()}
	p.cas.AppendCertsFromPEM(ca)
	args := []string{"-n", "-l", p.addr, "-s", strconv.Itoa(maxPeerMail), "-c", "aiosmtpd.handlers.Mailbox"}
	switch tls {
	case notify.ImplicitTLS:
		args = append(args, "--smtpscert", filepath.Join(dir, "cert.pem"), "--smtpskey", filepath.Join(dir, "key.pem"))
	case notify.StartTLS:
		args = append(args, "--tlscert", filepath.Join(dir, "cert.pem"), "--tlskey", filepath.Join(dir, "key.pem"))
	case notify.NoTLS:
	}
	running, err := process.Start(exec.Command("aiosmtpd", append(args, p.boxes)...), process.Options{Log: filepath.Join(dir, "log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Kill)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := running.Await(ctx, 50*time.Millisecond, func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.addr)
		if err == nil {
			err = conn.Close()
		}
		return err
	}); err != nil {
		t.Fatal(running.Explain(err))
	}
	return p
}

// mails are those that it has put into its mailbox.
func (p peer) mails(t *testing.T) []mailtest.Mail {
	t.Helper()
	out, err := mailtest.Maildir(p.boxes)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAMailServerOfDebianTakesOurMails(t *testing.T) {
	for _, mode := range []notify.TLSMode{notify.StartTLS, notify.ImplicitTLS, notify.NoTLS} {
		t.Run(string(mode), func(t *testing.T) {
			p := startPeer(t, mode)
			m, err := notify.NewMail(notify.MailOptions{Addr: p.addr, From: "Integrity Bot <bot@shop.example.com>", TLS: mode, CAs: p.cas})
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Send(t.Context(), letter); err != nil {
				t.Fatal(err)
			}
			mails := p.mails(t)
			if len(mails) != 1 {
				t.Fatalf("%d mails arrived, want 1", len(mails))
			}
			got := mails[0]
			if diff := cmp.Diff([]string{letter.Subject, letter.Body, "<ceo@example.com>", "notice/12/3@shop.example.com", "auto-generated"},
				[]string{got.Subject, got.Text, got.Header.Get("To"), got.ID(), got.Header.Get("Auto-Submitted")}); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestWhatAMailServerOfDebianRefusesIsKnown(t *testing.T) {
	huge := letter
	huge.Body = strings.Repeat("A line that is long enough to count.\n", maxPeerMail/20)
	for name, tt := range map[string]struct {
		server, client notify.TLSMode
		stranger       bool
		letter         notify.Letter
		want           string
	}{
		"a mail that is too large":     {notify.StartTLS, notify.StartTLS, false, huge, "refused the mail: 552"},
		"a client without encryption":  {notify.StartTLS, notify.NoTLS, false, letter, "refused the sender's address: 530"},
		"it has no encryption":         {notify.NoTLS, notify.StartTLS, false, letter, "offers no encryption"},
		"its certificate is strange":   {notify.StartTLS, notify.StartTLS, true, letter, "cannot be trusted"},
		"strange from the first byte":  {notify.ImplicitTLS, notify.ImplicitTLS, true, letter, "cannot be trusted"},
		"a client that talks in plain": {notify.ImplicitTLS, notify.NoTLS, false, letter, "was reached and then"},
	} {
		t.Run(name, func(t *testing.T) {
			p := startPeer(t, tt.server)
			o := notify.MailOptions{Addr: p.addr, From: "bot@shop.example.com", TLS: tt.client, CAs: p.cas, Timeout: 3 * time.Second}
			if tt.stranger {
				o.CAs = nil
			}
			m, err := notify.NewMail(o)
			if err != nil {
				t.Fatal(err)
			}
			got := outcomeOf(t, m.Send(t.Context(), tt.letter))
			if got.Taken || got.Unclear || !strings.Contains(got.Sentence, tt.want) {
				t.Errorf("got %+v, want %q", got, tt.want)
			}
			if n := len(p.mails(t)); n != 0 {
				t.Errorf("%d mails arrived", n)
			}
		})
	}
}
