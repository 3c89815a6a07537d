package incidents

import (
	"fmt"
	"slices"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// repairLines are one line for each plan: those that wait or are under way first, then
// the latest.
func repairLines(v View) []message.Line {
	var all []Repair
	for _, open := range []bool{true, false} {
		for _, r := range slices.Backward(v.Repairs) {
			if (r.State == "waiting" || r.State == "planning" || r.Active()) == open {
				all = append(all, r)
			}
		}
	}
	var lines, rest []message.Line
	for n, r := range all {
		if n < mostRepairs {
			lines = append(lines, repairLine(r))
			continue
		}
		rest = append(rest, message.Text("%s %s", r.Ref, r.State))
	}
	if len(rest) > 0 {
		lines = append(lines, append(message.Text("Also: "), joined(" · ", mostBrief, rest)...))
	}
	return lines
}

// repairLine is where a plan stands, who decided, what it does and what came of it.
func repairLine(r Repair) message.Line {
	line := message.Join(repairIcon(r), " ", message.Strong(r.Ref+" "+stateText(r)))
	switch {
	case r.State == "waiting" || r.State == "planning":
		if r.AskedBy != "" {
			line = append(line, message.Join(", asked by ", message.Mention(r.AskedBy))...)
		}
	case r.DecidedBy != "":
		line = append(line, message.Join(" by ", message.Mention(r.DecidedBy))...)
		if !r.Decided.IsZero() {
			line = append(line, message.Join(" ", message.At(r.Decided))...)
		}
	}
	if r.UndoneBy > 0 {
		line = append(line, message.Span{Text: fmt.Sprintf(" with P-%d", r.UndoneBy)})
	}
	if r.Does != "" {
		line = append(line, message.Span{Text: ": " + shorten(flat(r.Does), mostReason)})
	}
	if r.Verdict != "" {
		line = append(line, message.Text(" · checked after it: %s %s", icon(r.Verdict), result(r))...)
	}
	return line
}

// result is what the check said after a repair: "PASS, 30 → 0".
func result(r Repair) string {
	if word(r.Verdict) == "UNKNOWN" {
		return "UNKNOWN"
	}
	return fmt.Sprintf("%s, %s → %s", word(r.Verdict), phrase.Count(r.Before), phrase.Count(r.After))
}

// repairIcon is green only where a plan was applied and the check after it, if there was
// one, passed.
func repairIcon(r Repair) string {
	if r.State == "applied" && r.Verdict != "" && r.Verdict != check.Pass {
		return "🟡"
	}
	switch r.State {
	case "applied":
		return "🟢"
	case "waiting", "partly applied":
		return "🟡"
	case "planning", "approved", "applying":
		return "⏳"
	case "failed":
		return "🔴"
	}
	return "⚪"
}

// stateText is where a plan stands, in words that need no explanation.
func stateText(r Repair) string {
	switch r.State {
	case "planning":
		return "being worked out"
	case "waiting":
		return "waiting for approval"
	case "approved":
		return "approved, about to begin"
	case "applying":
		return "being applied"
	case "partly applied":
		return "applied in part"
	case "expired":
		return "expired, nothing was done"
	case "refused":
		return "refused, nothing was done"
	case "cancelled":
		return "cancelled, nothing was done"
	}
	return r.State
}
