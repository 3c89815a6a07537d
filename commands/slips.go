package commands

import (
	"slices"
	"strconv"
	"strings"
)

// suggestion is a command that was meant, with an example of it that works.
type suggestion struct{ name, example string }

// meantBy gives the command for which people type these words instead; rest is what
// follows them.
func (r *Registry) meantBy(typed string, rest []string) (suggestion, bool) {
	c, ok := r.byName[anotherWord(typed)]
	if !ok {
		return suggestion{}, false
	}
	meant := suggestion{name: c.Name, example: c.example()}
	if c.Under == "locks" && len(rest) > 0 && isPID(rest[0]) {
		meant.example = c.Name + " " + rest[0]
	}
	return meant, true
}

// anotherWord is what the words are called here that people know from elsewhere.
func anotherWord(typed string) string {
	switch typed {
	case "kill", "locks kill", "locks end":
		return "locks cancel"
	case "terminate":
		return "locks terminate"
	case "deploy", "deploys", "deployments", "rollout", "rollouts", "releases", "migrations", "config":
		return "changes"
	case "blockers", "blocked", "blocking", "sessions", "db locks", "db blocked", "db sessions":
		return "locks"
	case "db deadlocks", "db stats", "deadlocks":
		return "db conflicts"
	case "errors", "kubectl":
		return "logs"
	case "events errors", "events log":
		return "events logs"
	case "redis":
		return "cache"
	case "cache del", "cache delete", "cache rm", "cache remove", "cache unlink", "cache invalidate", "cache evict", "cache purge":
		return "cache clear"
	case "cache flushall", "cache flushdb", "flushall", "flushdb":
		return "cache flush"
	case "cache keys", "cache list", "cache ls", "cache find":
		return "cache scan"
	case "cache compare", "cache diff", "cache verify":
		return "cache check"
	case "cache expiry", "cache expire", "cache pttl":
		return "cache ttl"
	case "writes start", "writes on", "writes continue", "writes allow", "writes enable", "writes unfreeze":
		return "writes resume"
	case "writes off", "writes pause", "writes freeze", "writes block", "writes disable", "writes read-only", "writes scale", "read-only":
		return "writes stop"
	case "writes show", "writes list":
		return "writes status"
	case "backup", "recover", "backups":
		return "restore"
	case "diagnosis", "why":
		return "diagnose"
	}
	return anotherIncidentWord(typed)
}

// anotherIncidentWord is the same for what is about incidents.
func anotherIncidentWord(typed string) string {
	switch typed {
	case "incidents", "inc", "incident show", "incident open", "incident ls":
		return "incident list"
	case "declare", "incident create", "incident new", "incident start", "incident begin", "incident report":
		return "incident declare"
	case "resolve", "close", "incident close", "incident end", "incident done", "incident finish":
		return "incident resolve"
	case "severity", "sev", "incident sev", "incident priority":
		return "incident severity"
	case "lead", "incident commander", "incident owner", "incident assign", "incident take":
		return "incident lead"
	case "note", "incident comment", "incident log":
		return "incident note"
	case "timeline", "incident history", "incident events":
		return "incident timeline"
	case "incident recap", "recap":
		return "incident summary"
	case "incident cancel", "incident reject", "incident false":
		return "incident decline"
	case "incident todo", "incident action", "incident task":
		return "incident followup"
	case "incident postmortem", "postmortem", "incident download":
		return "incident export"
	case "incident notify", "tell", "announce", "incident announce", "stakeholders":
		return "notify"
	case "page", "incident page", "incident escalate", "oncall", "on-call":
		return "escalate"
	}
	return ""
}

// never says why there is no such command in the group and will not be, and which
// one there is instead. Empty: nothing of the kind.
func never(group, word string) (says, instead string) {
	has := func(wishes ...string) bool {
		return slices.ContainsFunc(wishes, func(wish string) bool { return strings.Contains(word, wish) })
	}
	switch {
	case group == "events" && has("reset", "seek", "rewind", "offset", "commit", "skip"):
		return "I never move a consumer group's offsets: a group at work would read everything again, or miss some of it for ever. What failed can be sent on again one by one.", "events replay"
	case group == "cache" && slices.Contains([]string{"set", "put", "write", "update", "warm"}, word):
		return "I never write values into a cache: what is stale can be cleared, and its service fills it again.", "cache clear"
	}
	return "", ""
}

// isPID tells whether a word is the number of a server process.
func isPID(word string) bool {
	n, err := strconv.ParseInt(word, 10, 32)
	return err == nil && n > 0
}
