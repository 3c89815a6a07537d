package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/look"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// How much the head message says; the rest is in its thread.
const (
	mostGrounds = 5
	mostUnknown = 5
)

// reporter words a diagnosis.
type reporter struct {
	title, domain string
	noRows        bool
	now           time.Time
	seen          []stepSeen
	evidence      evidence
	diagnosis     diagnosis
	fixes         fix.Catalog
}

// report is everything that is said: the causes in the channel, and in the thread
// what each step saw, the time line and how it was weighed.
func (r reporter) report() look.Report {
	out := look.Report{
		Head:    message.Message{Headline: r.headline(), Actions: []message.Action{{Verb: "diagnose", Ref: r.domain, Label: "Run again"}}},
		Missing: r.unknown(),
		Outcome: r.outcome(),
	}
	for i, w := range r.diagnosis.named() {
		out.Head.Parts = append(out.Head.Parts, message.Part{Lines: r.cause(i, w)})
		if actions := r.actions(w, i == 0); len(actions) > 0 {
			out.Head.Parts = append(out.Head.Parts, message.Part{Actions: actions})
		}
	}
	if rest := r.rest(); len(rest) > 0 {
		out.Head.Parts = append(out.Head.Parts, message.Part{Lines: rest})
	}
	if len(r.diagnosis.named()) == 0 {
		if actions := r.nextActions(); len(actions) > 0 {
			out.Head.Parts = append(out.Head.Parts, message.Part{Actions: actions})
		}
	}
	out.Thread = r.thread()
	return out
}

// headline is the answer in one line.
func (r reporter) headline() message.Line {
	named := r.diagnosis.named()
	var text string
	switch {
	case len(named) == 0:
		text = r.unclear()
	case named[0].strength == weak:
		text = "only weak signs of a cause: " + names(named)
	default:
		text = "most likely " + called(named[0])
		if len(named) > 1 {
			text += ", second " + called(named[1])
		}
		if more := len(named) - 2; more > 0 {
			text += fmt.Sprintf(", and %d more", more)
		}
	}
	if r.diagnosis.unsure && len(r.evidence.dark) < len(r.seen) {
		are := "are"
		if len(r.evidence.dark) == 1 {
			are = "is"
		}
		text += fmt.Sprintf("; less sure, because %d of %d steps %s UNKNOWN", len(r.evidence.dark), len(r.seen), are)
	}
	return message.Text("🔎 %s: %s", r.title, text)
}

func called(w weighed) string { return fmt.Sprintf("%s (%s)", w.cause, w.strength) }

func names(of []weighed) string {
	var out []string
	for _, w := range of {
		out = append(out, string(w.cause))
	}
	return strings.Join(out, ", ")
}

// unclear says that there is no cause to name, and nothing more than is known.
func (r reporter) unclear() string {
	rows, trouble := r.evidence.sights[WrongRows], r.evidence.sights[Trouble]
	switch {
	case r.nothingSeen():
		return "the cause is not known: no step could look"
	case rows.count > 0:
		return "no clear cause for " + voice{}.number(rows, "wrong row")
	case trouble.count > 0:
		return "no clear cause"
	case !rows.known:
		return "no clear cause, and it is not known whether data is wrong"
	case len(r.unknown()) > 0:
		return "no clear cause; no row is wrong, but not everything could be looked at"
	}
	return "no row is wrong, and there is no cause to name"
}

// nothingSeen tells that not one step saw anything.
func (r reporter) nothingSeen() bool {
	for _, s := range r.seen {
		if o := s.outcome(); o != notSet && !s.dark() {
			return false
		}
	}
	return true
}

// cause is one cause with what speaks for and against it.
func (r reporter) cause(i int, w weighed) []message.Line {
	name := strings.ToUpper(string(w.cause[:1])) + string(w.cause[1:])
	pro, more := r.lines(w.pro)
	line := message.Join(fmt.Sprintf("%d. ", i+1), message.Strong(name), fmt.Sprintf(" (%s) — ", w.strength), joined(pro))
	if more > 0 {
		line = append(line, message.Span{Text: fmt.Sprintf("; %d more in the thread", more)})
	}
	out := []message.Line{append(line, message.Span{Text: "."})}
	if con, _ := r.lines(w.con); len(con) > 0 {
		out = append(out, message.Join("Against it: ", joined(con), "."))
	}
	return out
}

// lines words the first grounds, and tells how many there are beside.
func (r reporter) lines(of []ground) ([]message.Line, int) {
	var out []message.Line
	for _, g := range of[:min(mostGrounds, len(of))] {
		out = append(out, r.voice().line(g))
	}
	return out, len(of) - len(out)
}

func (r reporter) voice() voice { return voice{evidence: r.evidence, noRows: r.noRows} }

// rest is what stands below the causes: since when data is wrong, what speaks
// against the other causes, what was seen beside, and what is not known.
func (r reporter) rest() []message.Line {
	var out []message.Line
	if l := r.wrong(); len(l) > 0 {
		out = append(out, l)
	}
	var con, pro []ground
	for _, w := range r.diagnosis.others() {
		con, pro = append(con, w.con...), append(pro, w.pro...)
	}
	if lines, _ := r.lines(pro); len(lines) > 0 {
		out = append(out, message.Join("Seen beside that, and not enough to name a cause: ", joined(lines), "."))
	}
	slices.SortStableFunc(con, heavier)
	if lines, _ := r.lines(con); len(lines) > 0 {
		against := "Against the other causes: "
		if len(r.diagnosis.named()) == 0 {
			against = "Against: "
		}
		out = append(out, message.Join(against, joined(distinct(lines)), "."))
	}
	unknown := append(r.unknown(), r.evidence.vague...)
	for i, sentence := range unknown {
		if i == mostUnknown {
			out = append(out, message.Text("Not known: %d more; the thread lists them.", len(unknown)-i))
			break
		}
		out = append(out, message.Text("Not known: %s", sentence))
	}
	if lacking := r.lacking(); len(lacking) > 0 {
		out = append(out, message.Text("Not set up: %s.", strings.Join(lacking, ", ")))
	}
	if len(r.diagnosis.named()) == 0 {
		out = append(out, r.next()...)
	}
	return out
}

// distinct leaves out lines that say the same once more.
func distinct(lines []message.Line) []message.Line {
	said := map[string]bool{}
	var out []message.Line
	for _, l := range lines {
		if !said[l.String()] {
			said[l.String()] = true
			out = append(out, l)
		}
	}
	return out
}

// wrong says how much is wrong, and since when.
func (r reporter) wrong() message.Line {
	failed := 0
	for _, f := range r.findings(Data) {
		if f.Verdict == check.Fail {
			failed++
		}
	}
	rows := r.evidence.sights[WrongRows]
	if rows.count == 0 {
		return nil
	}
	line := message.Text("Wrong: %s, in %d of %s", r.voice().number(rows, "row"), failed, phrase.Plural(int64(len(r.findings(Data))), "check"))
	since := false
	for _, o := range r.evidence.onsets {
		if o.data && (!since || o.wave) {
			since = true
			line = append(line, message.Join("; ", o.what+" ", r.voice().moment(o.at))...)
		}
	}
	if !since {
		line = append(line, message.Text("; since when is not known")...)
	}
	return append(line, message.Span{Text: "."})
}

func (r reporter) findings(s Step) []judged {
	for _, one := range r.seen {
		if one.step == s {
			return one.findings
		}
	}
	return nil
}
