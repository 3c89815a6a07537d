package incidents

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

// notices words what people were told, and whether it arrived.
func (t teller) notices(e audit.Entry) message.Line {
	switch e.Action {
	case "notify", "incident.update":
		return does(e, "previewed the notice “", flat(e.Args["template"]), "” for ", t.audiences(e.Args["audiences"]), "; nothing was sent yet")
	case "send", "incident.nochange":
		line := does(e, "sent ", t.noticeOf(e))
		if who := e.Args["audiences"]; who != "" {
			line = append(line, message.Join(" to ", t.audiences(who))...)
		}
		return append(line, t.untoldBy(e)...)
	case "discard":
		if name := e.Args["template"]; name != "" {
			return does(e, "threw the preview of “", flat(name), "” for ", t.audiences(e.Args["audiences"]), " away: it was not sent")
		}
		return does(e, "threw a previewed notice away: it was not sent")
	case "resend":
		return does(e, "had ", t.noticeOf(e), " sent again to ", t.audiences(e.Args["audience"]))
	case "notice.delivery":
		return t.delivery(e)
	}
	return nil
}

// noticeOf is a notice as people speak of it, with its ref.
func (t teller) noticeOf(e audit.Entry) string {
	ref := flat(orElse(e.Args["notice"], e.Target))
	if n, ok := t.notice(ref); ok {
		return fmt.Sprintf("the notice “%s” (%s)", noticeName(n.Template, n.Number), ref)
	}
	if name := e.Args["template"]; name != "" {
		return fmt.Sprintf("the notice “%s” (%s)", flat(name), ref)
	}
	return "the notice " + ref
}

// untoldBy says who was not told by a notice, and why.
func (t teller) untoldBy(e audit.Entry) (line message.Line) {
	n, _ := t.notice(orElse(e.Args["notice"], e.Target))
	for _, l := range n.Letters {
		for _, not := range l.Not {
			line = append(line, message.Text("; not told (%s): %s", flat(l.Title), strings.TrimSuffix(flat(not), "."))...)
		}
	}
	return line
}

func (t teller) notice(ref string) (Sent, bool) {
	digits, _, _ := strings.Cut(strings.TrimPrefix(strings.ToUpper(ref), "N-"), "/")
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return Sent{}, false
	}
	for _, n := range t.v.Notices {
		if n.ID == id {
			return n, true
		}
	}
	return Sent{}, false
}

// audiences are names joined by commas, in words.
func (t teller) audiences(names string) string {
	var titles []string
	for _, name := range strings.Split(names, ",") {
		if name = flat(name); name != "" {
			titles = append(titles, t.w.audienceTitle(name))
		}
	}
	if len(titles) == 0 {
		return "those who get it by itself"
	}
	return listed(titles)
}

// delivery words the end of one letter's way.
func (t teller) delivery(e audit.Entry) message.Line {
	to := destination(Destination{Kind: DestinationKind(e.Args["kind"]), To: e.Args["to"]})
	if strings.Contains(e.Args["to"], "…") { // masked before it was recorded
		to = message.Text("%s %s", flat(e.Args["kind"]), flat(e.Args["to"]))
	}
	line := append(message.Text("%s for %s, to ", t.noticeTitle(e), t.audiences(e.Args["audience"])), to...)
	switch DeliveryState(e.Args["state"]) {
	case Delivered:
		return append(line, message.Span{Text: ": arrived"})
	case Refused:
		return append(line, message.Span{Text: ": did not arrive"})
	case Unclear:
		return append(line, message.Span{Text: ": may not have arrived, and is not sent again by itself"})
	case NotSent:
		return append(line, message.Span{Text: ": not sent"})
	case Waiting, Handed:
	}
	return append(line, message.Span{Text: ": " + orElse(flat(e.Args["state"]), "not known")})
}

func (t teller) noticeTitle(e audit.Entry) string {
	ref := flat(orElse(e.Args["notice"], e.Target))
	if n, ok := t.notice(ref); ok {
		return fmt.Sprintf("Notice “%s” (%s)", noticeName(n.Template, n.Number), ref)
	}
	return "Notice " + ref
}

// calls words who was reminded, called, and who came.
func (t teller) calls(e audit.Entry) message.Line {
	level := levelText(e.Args["level"], e.Args["title"])
	switch e.Action {
	case "escalate":
		line := does(e, "called ", level)
		if reason := e.Args["reason"]; reason != "" {
			line = append(line, message.Span{Text: ": " + flat(reason)})
		}
		return line
	case "incident.page":
		line := message.Text("Called: %s", level)
		if ids := userIDs(e.Args["people"]); len(ids) > 0 {
			line = append(append(line, message.Span{Text: " ("}), append(people(ids), message.Span{Text: ")"})...)
		}
		return line
	case "incident.page-empty":
		return message.Text("Nobody to call as %s: %s", level, flat(e.Args["why"]))
	case "incident.page-over":
		return message.Text("Everybody was called, and nobody came")
	case "incident.ack":
		return does(e, "came: the call is answered")
	case "incident.untold":
		return message.Join("Nobody of ", t.audiences(e.Args["audience"]), " could be told, so their update is due as before: ", momentIn(e.Args["due"]))
	case "incident.remind":
		return message.Join("Reminder: ", t.audiences(e.Args["audience"]), " should have been told ", momentIn(e.Args["due"]))
	case "incident.snooze":
		return does(e, "put off the update of ", t.audiences(e.Args["audience"]), " until ", momentIn(e.Args["until"]))
	}
	return nil
}

func userIDs(joined string) []string {
	var ids []string
	for _, id := range strings.Split(joined, ",") {
		if id = strings.TrimSpace(id); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}
