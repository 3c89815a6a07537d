package incidents

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/message"
)

// Seal is the hash of everything that a notice would send, and to whom. Every text is
// quoted and every list begins with its length, so that two notices that differ in one
// byte never look the same to it.
func (n Notice) Seal() string {
	h := sha256.New()
	say := func(parts ...any) {
		for _, p := range parts {
			fmt.Fprintf(h, "%q\n", fmt.Sprint(p))
		}
	}
	say("notice 1", n.Incident, n.Template, n.Number, len(n.Letters))
	for _, l := range n.Letters {
		say(l.Audience, l.Title, l.Subject, l.Body, len(l.To))
		for _, d := range l.To {
			say(d.Kind, d.To, d.Via)
		}
		say(len(l.Not))
		for _, not := range l.Not {
			say(not)
		}
		say(len(l.Links))
		for _, link := range l.Links {
			say(link)
		}
	}
	say(len(n.Next))
	for _, audience := range slices.Sorted(maps.Keys(n.Next)) {
		say(audience, n.Next[audience].UTC().Format(time.RFC3339Nano))
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// LetterMessage is a letter as it stands in Slack: subject and text and nothing else.
func LetterMessage(l Letter) message.Message {
	m := message.Message{Headline: message.Text("%s", l.Subject)}
	var lines []message.Line
	for _, text := range strings.Split(l.Body, "\n") {
		lines = append(lines, l.linked(text))
	}
	m.Parts = []message.Part{{Lines: lines}}
	return m
}

// linked is a line of the body with its links.
func (l Letter) linked(text string) message.Line {
	for _, address := range l.Links {
		if before, after, found := strings.Cut(text, address); found {
			return message.Join(before, message.LinkTo(address, address), after)
		}
	}
	return message.Text("%s", text)
}

// NoticeRef is how people refer to a notice: N-1043.
func NoticeRef(id int64) string { return "N-" + strconv.FormatInt(id, 10) }

// ParseNoticeRef reads N-1043, in any case, and the number alone.
func ParseNoticeRef(s string) (int64, error) {
	digits := s
	if len(s) > 2 && strings.EqualFold(s[:2], "N-") {
		digits = s[2:]
	}
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || id <= 0 {
		return 0, fmt.Errorf("%q is not a notice", s)
	}
	return id, nil
}

// Ref is the notice's; of a draft it is empty.
func (n Notice) Ref() string {
	if n.ID == 0 {
		return ""
	}
	return NoticeRef(n.ID)
}

// DeliveryRef is how a button refers to one delivery of a notice: N-1043/3.
func DeliveryRef(notice int64, n int) string { return NoticeRef(notice) + "/" + strconv.Itoa(n) }

// ParseDeliveryRef reads N-1043/3.
func ParseDeliveryRef(s string) (notice int64, n int, err error) {
	ref, number, _ := strings.Cut(s, "/")
	if notice, err = ParseNoticeRef(ref); err == nil {
		n, err = strconv.Atoi(number)
	}
	if err != nil || n <= 0 {
		return 0, 0, fmt.Errorf("%q is not a delivery of a notice", s)
	}
	return notice, n, nil
}

// LetterKey is the key of the post that carries a delivery in Slack.
func LetterKey(notice int64, n int) string { return "notice/" + DeliveryRef(notice, n) }

// SentKey is the key of the message that says what became of a notice.
func SentKey(notice int64) string { return "notice/" + NoticeRef(notice) }

// Outgoing are the deliveries of a notice as it is sent, numbered from 1 in the order of
// its letters and their destinations. Who is not told has none: Letter.Not says it.
func (n Notice) Outgoing() []Delivery {
	var out []Delivery
	for _, l := range n.Letters {
		for _, to := range l.To {
			out = append(out, Delivery{
				Notice: n.ID, N: len(out) + 1, Incident: n.Incident, Audience: l.Audience, To: to, State: Waiting, At: n.At,
			})
		}
	}
	return out
}
