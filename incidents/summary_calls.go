package incidents

import (
	"strings"

	"github.com/integritybot/integritybot/internal/message"
)

// calling is who is being called, and whether anybody came.
func calling(i Incident) []message.Line {
	e := i.Escalation
	if e == nil || len(e.Levels) == 0 || i.Status.Over() {
		return nil
	}
	level := e.Levels[min(max(e.At, 0), len(e.Levels)-1)]
	name := levelName(level)
	switch {
	case e.Acked != "":
		return []message.Line{message.Join(message.Strong("Called: "), name+"; ", message.Mention(e.Acked), " came ", message.At(e.When), ".")}
	case e.Needless:
		return []message.Line{message.Join(message.Strong("Called: "), name+"; nobody came, and nobody has to come any more.")}
	case e.Ended:
		return append([]message.Line{message.Join(message.Strong("Called: "), "everybody, and nobody came. The last was "+name+".")}, empty(e)...)
	}
	line := append(message.Join(message.Strong("Called: "), name+" ("), people(level.People)...)
	line = append(line, message.Join(") since ", message.At(e.Since), "; nobody has come yet")...)
	switch next := e.At + 1; {
	case e.Due.IsZero():
		line = append(line, message.Span{Text: "."})
	case next < len(e.Levels):
		line = append(line, message.Join(", "+levelName(e.Levels[next])+" is called ", message.At(e.Due), ".")...)
	default:
		line = append(line, message.Join(". It is the last level; the call ends ", message.At(e.Due), ".")...)
	}
	return append([]message.Line{line}, empty(e)...)
}

func levelName(c Called) string {
	return levelText(c.Level, c.Title)
}

// levelText is a level as people read it: "L1 DevOps", and "Data team" where the title
// says the name once more.
func levelText(level, title string) string {
	level, title = flat(level), flat(title)
	switch {
	case title == "":
		title = level
	case !strings.HasPrefix(strings.ToLower(title), strings.ToLower(level)):
		title = level + " " + title
	}
	return shorten(title, mostTitle)
}

// empty warns of levels without people.
func empty(e *Escalation) []message.Line {
	var lines []message.Line
	for _, l := range e.Levels {
		if l.Empty != "" {
			lines = append(lines, message.Text("%s: %s", levelName(l), shorten(flat(l.Empty), mostReason)))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return []message.Line{append(message.Join(message.Strong("Nobody to call: ")), joined(" · ", 3, lines)...)}
}

// alertLines are the alerts of monitoring systems.
func alertLines(i Incident) []message.Line {
	var lines []message.Line
	for _, fingerprint := range sortedKeys(i.Alerts) {
		a := i.Alerts[fingerprint]
		state := " has ended "
		if a.Firing {
			state = " firing since "
		}
		line := message.Join(shorten(flat(a.Name), mostTitle), state, message.At(a.Since))
		if a.Times > 1 {
			line = append(line, message.Text(" (%d times)", a.Times)...)
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return nil
	}
	return []message.Line{append(message.Join(message.Strong("Alerts: ")), joined(" · ", mostNamed, lines)...)}
}
