package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// faultKind is what kept a log from being read.
type faultKind int

const (
	refused  faultKind = iota // the API did not give it
	vanished                  // its pod was deleted meanwhile
	gone                      // of an instance before, and no longer kept
	broken                    // it broke off
	half                      // read in part: enough was read
	unread                    // not begun: enough was read, or the time was over
	rotated                   // read, and its beginning is probably lost
)

// fault is one log that was not, or not all, read.
type fault struct {
	stream *stream
	kind   faultKind
	err    error
	lines  int64
	at     time.Time
}

func (f fault) name() string { return f.stream.pod + "/" + f.stream.container }

type faults []fault

func (fs faults) of(kind faultKind) faults {
	var out faults
	for _, f := range fs {
		if f.kind == kind {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b fault) int { return strings.Compare(a.name(), b.name()) })
	return out
}

// late are those that were not read because the time was over.
func (fs faults) late() bool {
	return slices.ContainsFunc(fs, func(f fault) bool { return errors.Is(f.err, errTimeOver) })
}

// mostNamed is how many logs one sentence names.
const mostNamed = 5

// names are the first few.
func (fs faults) names() string {
	var out []string
	for _, f := range fs[:min(len(fs), mostNamed)] {
		out = append(out, f.name())
	}
	if more := len(fs) - len(out); more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	return strings.Join(out, ", ")
}

// problem is that not one log was read.
func (fs faults) problem(place string) error {
	for _, f := range fs.of(refused) {
		if p := (*check.Problem)(nil); errors.As(f.err, &p) {
			return p
		}
	}
	sentence := fmt.Sprintf("Not one log of Kubernetes %s could be read. ", place)
	switch {
	case fs.late():
		return &check.Problem{Sentence: sentence + "There was not enough time: try again in a minute.", Err: errTimeOver}
	case len(fs.of(vanished)) > 0:
		return &check.Problem{Sentence: sentence + "All pods were replaced meanwhile: look again."}
	}
	return &check.Problem{Sentence: sentence + "Look again."}
}

// sentences say what was not read.
func (fs faults) sentences(s *search, streams int) []string {
	out := fs.refusals()
	if some := fs.of(vanished); len(some) > 0 {
		out = append(out, fmt.Sprintf("Gone before they were read: %s. Their pods were deleted meanwhile.", some.names()))
	}
	if some := fs.of(gone); len(some) > 0 {
		out = append(out, fmt.Sprintf("The log before the last restart is no longer kept of %s.", some.names()))
	}
	out = append(out, fs.breaks()...)
	part, none := fs.of(half), fs.of(unread)
	switch {
	case fs.late():
		out = append(out, fmt.Sprintf("There was no more time after %s: %d of %d logs were read in part and %d not at all. Ask for a shorter time with --since.",
			phrase.Plural(s.lines.Load(), "line"), len(part), streams, len(none)))
	case len(part)+len(none) > 0:
		out = append(out, fmt.Sprintf("Reading ended after %s (logs.max_lines): %d of %d logs were read in part and %d not at all. Ask for a shorter time with --since.",
			phrase.Plural(s.lines.Load(), "line"), len(part), streams, len(none)))
	}
	if some := fs.of(rotated); len(some) > 0 {
		out = append(out, fmt.Sprintf("Older lines were probably rotated away of %s: what is there begins at %s, though it was written to before.", some.names(), clock(some[0].at)))
	}
	if n := s.long.Load(); n > 0 {
		out = append(out, fmt.Sprintf("%s longer than %d KB: only the beginning was searched.", were(n, "line"), keptBytes>>10))
	}
	return out
}

// refusals say what the API did not give, one sentence for each reason.
func (fs faults) refusals() []string {
	byReason := map[string]faults{}
	for _, f := range fs.of(refused) {
		reason := saying(f.err)
		byReason[reason] = append(byReason[reason], f)
	}
	var out []string
	for reason, some := range byReason {
		out = append(out, fmt.Sprintf("Not read: %s. %s", some.names(), reason))
	}
	slices.Sort(out)
	return out
}

// breaks say which logs broke off and where.
func (fs faults) breaks() []string {
	var out []string
	some := fs.of(broken)
	for i, f := range some {
		if i == mostNamed {
			out = append(out, fmt.Sprintf("%d more logs broke off.", len(some)-i))
			break
		}
		why := "broke off"
		if errors.Is(f.err, errQuiet) || errors.Is(f.err, context.DeadlineExceeded) {
			why = "fell silent"
		}
		where := ""
		if !f.at.IsZero() {
			where = ", at " + f.at.UTC().Format("15:04:05 UTC")
		}
		out = append(out, fmt.Sprintf("The log of %s %s after %s%s: what came later is not counted.", f.name(), why, phrase.Plural(f.lines, "line"), where))
	}
	return out
}

func were(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun + " was"
	}
	return phrase.Plural(n, noun) + " were"
}
