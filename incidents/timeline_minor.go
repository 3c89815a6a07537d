package incidents

import (
	"slices"

	"github.com/integritybot/integritybot/internal/audit"
)

// minor tells whether an event moved nothing: whoever looks for what happened does not
// look for it. What was refused for want of a right, by the gate or by an approver is told.
func minor(e audit.Entry) bool {
	if e.Outcome == audit.Refused {
		return e.Action == "unknown" || e.Args["roles"] == "none" || slices.Contains(slips(), e.Rule)
	}
	if e.Outcome != audit.Done {
		return false
	}
	switch e.Action {
	case "notify", "incident.update": // a preview: sending it, or throwing it away, is told
		return true
	case "notice.delivery":
		return DeliveryState(e.Args["state"]) == Delivered // as the line of the notice lets expect
	case "incident.furnish":
		return slices.Contains([]string{FurnishTopic, FurnishBookmarks, FurnishLink}, e.Args["what"])
	case "incident.pin":
		return true
	}
	return false
}

// slips are the rules by which a command is refused that nobody decided about: it was not
// understood, or something that it needs did not answer.
func slips() []string {
	return []string{"bad input", "not available", "person not known", "channel not known"}
}
