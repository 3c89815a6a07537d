package incidents

import (
	"fmt"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

func (s *sheet) fixes(fixes []DocFix, w Wording) {
	s.heading("Fixes")
	if len(fixes) == 0 {
		s.none("There was none.")
	}
	for _, f := range fixes {
		text := stateText(Repair{State: f.State}) + because(f.Does) + fmt.Sprintf("; %s, %s, %s", phrase.Plural(f.Rows, "row"), w.checkTitle(f.Check), f.Target)
		text += at(", asked for by ", f.AskedBy, f.Asked) + at(", decided by ", f.DecidedBy, f.Decided) + at(", ended", "", f.Finished)
		if f.Verdict != "" {
			text += ", checked after it: " + result(Repair{Verdict: check.Verdict(f.Verdict), Before: f.Before, After: f.After})
		}
		if f.Undoes != "" {
			text += ", takes back " + f.Undoes
		}
		if f.UndoneBy != "" {
			text += ", taken back by " + f.UndoneBy
		}
		s.item(f.Ref, text)
	}
}

func (s *sheet) notices(notices []DocNotice, w Wording) {
	s.heading("Notices")
	if len(notices) == 0 {
		s.none("Nobody was told by a notice.")
	}
	for _, n := range notices {
		s.item(n.Ref, noticeName(n.Template, n.Number)+at(", sent by ", n.By, n.Sent))
		for _, d := range n.Deliveries {
			text := fmt.Sprintf("%s, %s: %s%s%s", w.audienceTitle(d.Audience), d.To, d.State, at("", "", d.At), because(d.Reason))
			s.WriteString("  - " + inline(text) + "\n")
		}
		for _, l := range n.Letters {
			for _, not := range l.Not {
				s.WriteString("  - " + inline(w.audienceTitle(l.Audience)+", not told: "+not) + "\n")
			}
		}
		for _, l := range n.Letters {
			s.WriteString("\n" + inline("The letter to "+w.audienceTitle(l.Audience)+", “"+l.Subject+"”:") + "\n\n" + fenced(l.Body))
		}
		s.WriteString("\n")
	}
}
