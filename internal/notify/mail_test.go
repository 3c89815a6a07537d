package notify_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/integritybot/integritybot/internal/mailtest"
	"github.com/integritybot/integritybot/internal/notify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var letter = notify.Letter{
	ID: "notice/12/3", To: "ceo@example.com", Subject: "P0 - Data Inconsistency - Orders - update 2",
	Body: "Since 10:02 UTC some orders show wrong totals (60 of 3,000,000; €1,204.10).\n\n.\n..a line with dots\nEnd = end — Alice, incident INC-12",
	At:   time.Date(2026, 11, 21, 12, 30, 0, 0, time.UTC),
}

func server(t *testing.T, o mailtest.Options, faults ...mailtest.Fault) *mailtest.Server {
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
	for _, f := range faults {
		s.Break(f)
	}
	return s
}

func mailer(t *testing.T, s *mailtest.Server, change func(*notify.MailOptions)) *notify.Mail {
	t.Helper()
	o := notify.MailOptions{Addr: s.Addr(), From: "Integrity Bot <bot@shop.example.com>", CAs: s.CAs(), Timeout: 10 * time.Second}
	if change != nil {
		change(&o)
	}
	m, err := notify.NewMail(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAMailArrivesAsItWasPreviewed(t *testing.T) {
	for name, tt := range map[string]struct {
		server mailtest.Options
		change func(*notify.MailOptions)
	}{
		"starttls":     {},
		"implicit tls": {mailtest.Options{Encrypted: true}, func(o *notify.MailOptions) { o.TLS = notify.ImplicitTLS }},
		"unencrypted":  {mailtest.Options{Plain: true}, func(o *notify.MailOptions) { o.TLS = notify.NoTLS }},
		"with a password": {mailtest.Options{User: "bot", Password: "s3cret"}, func(o *notify.MailOptions) {
			o.User, o.Password, o.ReplyTo = "bot", "s3cret", "oncall@example.com"
		}},
		"with a password, unencrypted on this machine": {mailtest.Options{Plain: true, User: "bot", Password: "s3cret"}, func(o *notify.MailOptions) {
			o.TLS, o.User, o.Password = notify.NoTLS, "bot", "s3cret"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := server(t, tt.server)
			if err := mailer(t, s, tt.change).Send(t.Context(), letter); err != nil {
				t.Fatal(err, errors.Unwrap(err))
			}
			mails := s.Mails()
			if len(mails) != 1 {
				t.Fatalf("%d mails arrived, want 1", len(mails))
			}
			got := mails[0]
			if diff := cmp.Diff([]string{letter.Subject, letter.Body, "bot@shop.example.com", letter.To, "notice/12/3@shop.example.com"},
				[]string{got.Subject, got.Text, got.From, strings.Join(got.To, ","), got.ID()}); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for header, want := range map[string]string{
				"Auto-Submitted": "auto-generated", "Date": "Sat, 21 Nov 2026 12:30:00 +0000", "To": "<ceo@example.com>",
				"From": `"Integrity Bot" <bot@shop.example.com>`, "Content-Type": "text/plain; charset=UTF-8",
			} {
				if got := got.Header.Get(header); got != want {
					t.Errorf("%s is %q, want %q", header, got, want)
				}
			}
		})
	}
}

// outcome is what a caller decides by.
type outcome struct {
	Taken, Unclear, Final bool
	Sentence              string
}

func outcomeOf(t *testing.T, err error) outcome {
	t.Helper()
	if err == nil {
		return outcome{Taken: true}
	}
	var e *notify.Error
	if !errors.As(err, &e) {
		t.Fatalf("%T is no *notify.Error: %v", err, err)
	}
	return outcome{Unclear: e.Unclear, Final: e.Final, Sentence: e.Sentence}
}

func TestWhatWentWrongWithAMailIsKnown(t *testing.T) {
	const late, silent = "did not answer in time before it had the mail.", "hung up before it had the mail."
	for name, tt := range map[string]struct {
		at      mailtest.Stage
		do      mailtest.Action
		want    outcome
		arrived int
	}{
		"refused at the greeting":      {mailtest.Hello, mailtest.Refuse, outcome{Final: true, Sentence: "refuses to talk to the bot (550)."}, 0},
		"busy at the greeting":         {mailtest.Hello, mailtest.Greylist, outcome{Sentence: "refuses to talk to the bot (451)."}, 0},
		"silent before the greeting":   {mailtest.Greeting, mailtest.Hang, outcome{Sentence: "was reached and then did not answer in time."}, 0},
		"gone before the greeting":     {mailtest.Greeting, mailtest.Drop, outcome{Sentence: "was reached and then hung up."}, 0},
		"silent at the greeting":       {mailtest.Hello, mailtest.Hang, outcome{Sentence: "was reached and then did not answer in time."}, 0},
		"sender refused":               {mailtest.From, mailtest.Refuse, outcome{Final: true, Sentence: "refused the sender's address: 550 5.1.1 No such user here."}, 0},
		"silent at the sender":         {mailtest.From, mailtest.Hang, outcome{Sentence: late}, 0},
		"no such address":              {mailtest.To, mailtest.Refuse, outcome{Final: true, Sentence: "refused the address: 550 5.1.1 No such user here."}, 0},
		"an address that is named":     {mailtest.To, mailtest.Unknown, outcome{Final: true, Sentence: "refused the address: 550 5.1.1 <c…@example.com>: Recipient address rejected: User unknown in local recipient table."}, 0},
		"greylisted":                   {mailtest.To, mailtest.Greylist, outcome{Sentence: "did not accept yet the address: 451 4.7.1 Greylisted, try again later."}, 0},
		"mailbox full at the address":  {mailtest.To, mailtest.Full, outcome{Final: true, Sentence: "refused the address: 552 5.2.2 Mailbox full."}, 0},
		"silent at the address":        {mailtest.To, mailtest.Hang, outcome{Sentence: late}, 0},
		"gone at the address":          {mailtest.To, mailtest.Drop, outcome{Sentence: silent}, 0},
		"refused with the text":        {mailtest.Delivered, mailtest.Refuse, outcome{Final: true, Sentence: "refused the mail: 550 5.1.1 No such user here."}, 0},
		"mailbox full with the text":   {mailtest.Delivered, mailtest.Full, outcome{Final: true, Sentence: "refused the mail: 552 5.2.2 Mailbox full."}, 0},
		"greylisted with the text":     {mailtest.Delivered, mailtest.Greylist, outcome{Sentence: "did not accept yet the mail: 451 4.7.1 Greylisted, try again later."}, 0},
		"silent behind the text":       {mailtest.Delivered, mailtest.Hang, outcome{Unclear: true, Sentence: "got the whole mail and then did not answer in time without saying whether it took it."}, 0},
		"gone behind the text":         {mailtest.Delivered, mailtest.Drop, outcome{Unclear: true, Sentence: "got the whole mail and then hung up without saying whether it took it."}, 0},
		"taken and gone":               {mailtest.Delivered, mailtest.TakeDrop, outcome{Unclear: true, Sentence: "got the whole mail and then hung up without saying whether it took it."}, 1},
		"nothing wrong with this mail": {"", "", outcome{Taken: true}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := server(t, mailtest.Options{}, mailtest.Fault{At: tt.at, Do: tt.do})
			m := mailer(t, s, func(o *notify.MailOptions) {
				if tt.do == mailtest.Hang {
					o.Timeout = 300 * time.Millisecond
				}
			})
			got := outcomeOf(t, m.Send(t.Context(), letter))
			if tt.want.Sentence != "" {
				tt.want.Sentence = "The mail server " + s.Addr() + " " + tt.want.Sentence
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if n := len(s.Mails()); n != tt.arrived {
				t.Errorf("%d mails arrived, want %d", n, tt.arrived)
			}
		})
	}
}

// A caller that gives up while the server is silent gets its answer at once.
func TestAMailIsGivenUpWhenItsCallerGivesUp(t *testing.T) {
	s := server(t, mailtest.Options{}, mailtest.Fault{At: mailtest.Delivered, Do: mailtest.Hang})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if got := outcomeOf(t, mailer(t, s, nil).Send(ctx, letter)); !got.Unclear {
		t.Errorf("got %+v, want that nobody knows", got)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestNoMailLeavesUnencryptedOrToAStranger(t *testing.T) {
	for name, tt := range map[string]struct {
		server mailtest.Options
		change func(*notify.MailOptions)
		want   string
	}{
		"no starttls":                            {mailtest.Options{Plain: true}, nil, "offers no encryption, and without it nothing is sent."},
		"a stranger's certificate":               {mailtest.Options{}, func(o *notify.MailOptions) { o.CAs = nil }, "cannot be trusted."},
		"a stranger's certificate, implicit tls": {mailtest.Options{Encrypted: true}, func(o *notify.MailOptions) { o.CAs, o.TLS = nil, notify.ImplicitTLS }, "cannot be trusted."},
		"a wrong password":                       {mailtest.Options{User: "bot", Password: "right"}, func(o *notify.MailOptions) { o.User, o.Password = "bot", "wr0ng-s3cret" }, "does not accept the bot's user and password (535)."},
		"no way to log in":                       {mailtest.Options{}, func(o *notify.MailOptions) { o.User, o.Password = "bot", "wr0ng-s3cret" }, "has no way to log in that the bot knows."},
	} {
		t.Run(name, func(t *testing.T) {
			s := server(t, tt.server)
			got := outcomeOf(t, mailer(t, s, tt.change).Send(t.Context(), letter))
			if !got.Final || got.Unclear || !strings.HasSuffix(got.Sentence, tt.want) {
				t.Errorf("got %+v, want the final %q", got, tt.want)
			}
			if strings.Contains(got.Sentence, "s3cret") {
				t.Errorf("it tells the password: %s", got.Sentence)
			}
			if n := len(s.Mails()); n != 0 {
				t.Errorf("%d mails arrived", n)
			}
		})
	}
}

func TestAMailServerThatIsNotThere(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = socket.Close()
	m, err := notify.NewMail(notify.MailOptions{Addr: socket.Addr().String(), From: "bot@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	want := outcome{Sentence: "The mail server " + socket.Addr().String() + " cannot be reached."}
	if diff := cmp.Diff(want, outcomeOf(t, m.Send(t.Context(), letter))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestNothingBecomesAnotherHeaderOrRecipient(t *testing.T) {
	s := server(t, mailtest.Options{})
	for name, change := range map[string]func(*notify.Letter){
		"subject":             func(l *notify.Letter) { l.Subject = "hi\r\nBcc: everybody@example.com" },
		"subject, bare LF":    func(l *notify.Letter) { l.Subject = "hi\nBcc: everybody@example.com" },
		"address":             func(l *notify.Letter) { l.To = "ceo@example.com>\r\nRCPT TO:<all@example.com" },
		"two addresses":       func(l *notify.Letter) { l.To = "ceo@example.com, all@example.com" },
		"a name with address": func(l *notify.Letter) { l.To = "Boss <ceo@example.com>" },
		"id":                  func(l *notify.Letter) { l.ID = "notice/1>\r\nX: y" },
		"no id":               func(l *notify.Letter) { l.ID = "" },
	} {
		t.Run(name, func(t *testing.T) {
			l := letter
			change(&l)
			if got := outcomeOf(t, mailer(t, s, nil).Send(t.Context(), l)); !got.Final || got.Sentence == "" {
				t.Errorf("got %+v, want that it is refused for good", got)
			}
			if mails := s.Mails(); len(mails) != 0 {
				t.Errorf("a mail arrived: %s", mails[0].Raw)
			}
		})
	}
}

func TestMailOptionsNameAllThatIsWrong(t *testing.T) {
	_, err := notify.NewMail(notify.MailOptions{Addr: "mail", From: "bot", ReplyTo: "x", TLS: "ssl", User: "u", Timeout: -1})
	if err == nil {
		t.Fatal("they were accepted")
	}
	for _, want := range []string{"addr:", "from:", "reply_to:", "tls:", "user and password", "timeout:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not name %q:\n%s", want, err)
		}
	}
	_, err = notify.NewMail(notify.MailOptions{Addr: "mail.example.com:25", From: "bot@example.com", TLS: notify.NoTLS, User: "u", Password: "s3cret"})
	if err == nil || !strings.Contains(err.Error(), "unencrypted") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a password would be sent unencrypted, and the error is: %v", err)
	}
}
