package mailtest_test

import (
	"context"
	"net"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/integritybot/integritybot/internal/mailtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// mail is sent with the standard library's client, which nothing of the server is made
// with.
const mail = "From: a@example.com\r\nTo: b@example.com\r\nSubject: =?utf-8?q?St=C3=B6rung?=\r\n\r\nHello\r\n"

func start(t *testing.T, o mailtest.Options) *mailtest.Server {
	t.Helper()
	s, err := mailtest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestItKeepsWhatArrives(t *testing.T) {
	s := start(t, mailtest.Options{Plain: true})
	for range 2 {
		if err := smtp.SendMail(s.Addr(), nil, "a@example.com", []string{"b@example.com"}, []byte(mail)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got, err := s.Wait(ctx, 2)
	if err != nil {
		t.Fatal(err)
	}
	if m := got[1]; m.Subject != "Störung" || m.Text != "Hello" || m.From != "a@example.com" || strings.Join(m.To, ",") != "b@example.com" {
		t.Errorf("got %+v", m)
	}
}

func TestAFaultHappensAsOftenAsItIsTold(t *testing.T) {
	s := start(t, mailtest.Options{Plain: true})
	s.Break(mailtest.Fault{At: mailtest.To, Do: mailtest.Greylist, For: "b@example.com", Times: 1})
	send := func(to string) error {
		return smtp.SendMail(s.Addr(), nil, "a@example.com", []string{to}, []byte(mail))
	}
	if err := send("c@example.com"); err != nil {
		t.Errorf("somebody else is concerned: %v", err)
	}
	if err := send("b@example.com"); err == nil || !strings.HasPrefix(err.Error(), "451") {
		t.Errorf("got %v, want 451", err)
	}
	if err := send("b@example.com"); err != nil {
		t.Errorf("it happened twice: %v", err)
	}
}

func TestOneThatHangsHoldsUpNobodyElseAndEndsWithTheServer(t *testing.T) {
	s, err := mailtest.Start(mailtest.Options{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Break(mailtest.Fault{At: mailtest.Greeting, Do: mailtest.Hang, Times: 1})
	hanging, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hanging.Close() }()
	time.Sleep(50 * time.Millisecond) // until it is the one that was let in first
	if err := smtp.SendMail(s.Addr(), nil, "a@example.com", []string{"b@example.com"}, []byte(mail)); err != nil {
		t.Errorf("somebody else is held up: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestItListensOnThisMachineAlone(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:25", "nonsense"} {
		if s, err := mailtest.Start(mailtest.Options{Addr: addr}); err == nil {
			_ = s.Close()
			t.Errorf("it listens on %s", addr)
		}
	}
}
