package postgres

import (
	"fmt"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/message/phrase"
)

// says is the outcome in a clause.
func (w *Blocking) says(c *lockChain, failing []failingSession) string {
	var roots, waits, idle, long []failingSession
	for _, one := range failing {
		switch one.class {
		case classBlocker:
			roots = append(roots, one)
		case classWaits:
			waits = append(waits, one)
		case classIdle:
			idle = append(idle, one)
		default:
			long = append(long, one)
		}
	}
	var parts []string
	if len(roots) > 0 {
		parts = append(parts, c.saysBlocked(roots))
	} else if len(waits) > 0 {
		parts = append(parts, fmt.Sprintf("%s for a lock for more than %s, the longest for %s", wait(len(waits)), humane(w.maxWait()), c.waitText(waits[0].backend)))
	}
	if len(idle) > 0 {
		parts = append(parts, fmt.Sprintf("%s idle in transaction for more than %s: above all %s, for %s",
			are(len(idle)), humane(w.maxIdle()), idle[0].name(), c.ageText(idle[0].since)))
	}
	if len(long) > 0 {
		parts = append(parts, fmt.Sprintf("%s in a transaction of more than %s: above all %s, for %s",
			are(len(long)), humane(w.maxTransaction()), long[0].name(), c.ageText(long[0].since)))
	}
	if len(parts) > 0 {
		return strings.Join(parts, "; ")
	}
	if n := len(c.waiting); n > 0 {
		return fmt.Sprintf("%s for a lock, none for longer than %s", wait(n), humane(w.maxWait()))
	}
	return "nobody waits for a lock"
}

// saysBlocked says who blocks others, and above all who blocks most.
func (c *lockChain) saysBlocked(roots []failingSession) string {
	all, longest := map[string]bool{}, time.Duration(0)
	for _, r := range roots {
		for _, s := range c.behind(r.backend) {
			all[s.id] = true
			longest = max(longest, c.waitOf(s))
		}
	}
	worst := roots[0]
	for _, r := range roots[1:] {
		if len(c.behind(r.backend)) > len(c.behind(worst.backend)) {
			worst = r
		}
	}
	verb, above := "blocks", ""
	if len(roots) > 1 {
		verb, above = "block", "above all "
	}
	state := c.stateText(worst.backend)
	if state != "" {
		state = ", " + state
	}
	return fmt.Sprintf("%s %s %s, the longest for %s: %s%s%s", phrase.Plural(int64(len(roots)), "session"), verb,
		phrase.Plural(int64(len(all)), "other"), humane(longest), above, worst.name(), state)
}

func wait(n int) string {
	if n == 1 {
		return "1 session waits"
	}
	return phrase.Count(int64(n)) + " sessions wait"
}

func are(n int) string {
	if n == 1 {
		return "1 session is"
	}
	return phrase.Count(int64(n)) + " sessions are"
}
