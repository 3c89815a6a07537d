package incidents

import (
	"strings"

	"github.com/integritybot/integritybot/internal/audit"
	"github.com/integritybot/integritybot/internal/message"
)

// alerts words what monitoring systems say.
func (t teller) alerts(e audit.Entry) message.Line {
	name := flat(e.Args["alert"])
	switch e.Action {
	case "alert.fired":
		return message.Text("The alert %s fires", name)
	case "alert.ended":
		return message.Text("The alert %s has ended", name)
	case "alert.declare":
		by := "An alert"
		if name != "" {
			by = "The alert " + name
		}
		return message.Text("%s opened %s", by, t.opened(e))
	}
	return nil
}

// keeps words what the bot does for the channel.
func (t teller) keeps(e audit.Entry) message.Line {
	switch e.Action {
	case "incident.create-channel":
		return created(e)
	case "incident.pin":
		return message.Text("The bot pinned the summary")
	case "incident.message":
		return message.Text("A message of the timeline could not be read")
	case "post":
		return message.Text("A message could not be posted")
	case "incident.retry":
		return does(e, "had the bot try again: ", Tries(strings.Split(e.Args["what"], ",")))
	case "incident.furnish":
		return furnished(e)
	}
	return nil
}

// created words what became of the channel.
func created(e audit.Entry) message.Line {
	name := "the channel"
	if named := orElse(e.Args["name"], e.Args["channel"]); named != "" {
		name += " #" + flat(strings.TrimPrefix(named, "#"))
	}
	switch {
	case e.Outcome == audit.Intended:
		return message.Text("The bot creates %s", name)
	case e.Outcome == audit.Failed:
		return message.Text("The bot could not create %s", name)
	case e.Args["bound"] != "":
		return sentenceCase(message.Text("%s is the incident's", name))
	}
	return sentenceCase(message.Text("%s is there", name))
}

func furnished(e audit.Entry) message.Line {
	if e.Outcome == audit.Failed {
		return sentenceCase(message.Text("%s", furnishing(e.Args["what"])))
	}
	switch e.Args["what"] {
	case FurnishChannel:
		return created(e)
	case FurnishInvite:
		if level := e.Args["level"]; level != "" {
			return message.Text("Those who are called (%s) were invited", flat(level))
		}
		if lead := e.Args["lead"]; lead != "" {
			return message.Join(personIn(lead), ", who leads it, was invited")
		}
		return message.Text("The responders were invited")
	case FurnishTopic:
		return message.Text("The channel has its topic")
	case FurnishBookmarks:
		return message.Text("The channel has its bookmarks")
	case FurnishLink:
		return message.Text("Where it was declared, the link to the channel stands")
	case FurnishChecks:
		return message.Text("The checks were begun")
	}
	return nil
}
