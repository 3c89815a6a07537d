package notify_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/integritybot/integritybot/internal/mailtest"
)

// Whatever the text is, it arrives as it was given: dots at the beginning of lines, lines
// longer than SMTP allows, spaces at their ends, and every alphabet.
func TestEveryTextArrivesAsItIs(t *testing.T) {
	s := server(t, mailtest.Options{})
	m := mailer(t, s, nil)
	word := rapid.OneOf(
		rapid.SampledFrom([]string{".", "..", "=", "=20", " ", "  ", "\n", "\n\n", "From ", "—", "€1,204.10", "Störung", "注文", "🔴", strings.Repeat("long ", 300), "<!channel>", "Subject: x"}),
		rapid.StringMatching(`[ -~]{0,40}`),
	)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		l := letter
		l.Body = "a" + strings.Join(rapid.SliceOfN(word, 0, 12).Draw(t, "body"), "") + "z"
		l.Subject = "P0 - " + strings.TrimSpace(strings.Join(strings.Fields(strings.Join(rapid.SliceOfN(word, 0, 3).Draw(t, "subject"), " ")), " ")) + " x"
		if len(l.Subject) > 200 {
			l.Subject = l.Subject[:len("P0 - ")] + "x"
		}
		if err := m.Send(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		mails := s.Mails()
		if n++; len(mails) != n {
			t.Fatalf("%d mails arrived, want %d", len(mails), n)
		}
		if got := mails[n-1]; got.Text != l.Body || got.Subject != l.Subject {
			t.Fatalf("got  %q\n     %q\nwant %q\n     %q\n%s", got.Subject, got.Text, l.Subject, l.Body, got.Raw)
		}
	})
}
