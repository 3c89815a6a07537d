package kafka

import (
	"cmp"
	"context"
	"errors"

	"github.com/integritybot/integritybot/internal/check"
)

// lanesMost is of how many keys it is kept that they have letters which are not
// selected: some 100 MB.
const lanesMost = 1_000_000

// passed is what a plan keeps of the letters of one lane that are not selected: where
// the first of them stands, in each of the orders in which letters may be sent.
type passed struct {
	origin    int32 // partition in which they were first; -1: several, or not known
	partition int32
	first     int64
	millis    int64
	offset    int64
}

// pass goes past a letter that is not selected. Nothing is kept of it but what tells
// later whether another one overtakes it: there may be many.
func (d *drafting) pass(l Letter) {
	if left := d.leftOf("not selected"); left != nil && len(left.Examples) >= leftExamples {
		left.Rows++
	} else {
		d.leave("not selected", 1, placeText(l.Record.Partition, l.Record.Offset))
	}
	key := laneOf(d.destinationOf(l), l.Key)
	if d.mode != wayReplay || key == (fingerprint{}) {
		return
	}
	one := passed{l.Partition, l.Record.Partition, l.Offset, l.Time.UnixMilli(), l.Record.Offset}
	if l.Offset < 0 {
		one.origin = -1
	}
	before, known := d.passed[key]
	switch {
	case known:
		d.passed[key] = before.with(one)
	case len(d.passed) < lanesMost:
		d.passed[key] = one
	default:
		d.crowded = true
	}
}

func (p passed) with(o passed) passed {
	if p.origin != o.origin {
		p.origin = -1
	}
	p.first = min(p.first, o.first)
	if o.byTime(p.millis, p.partition, p.offset) < 0 {
		p.millis, p.partition, p.offset = o.millis, o.partition, o.offset
	}
	return p
}

func (p passed) byTime(millis int64, partition int32, offset int64) int {
	return cmp.Or(cmp.Compare(p.millis, millis), cmp.Compare(p.partition, partition), cmp.Compare(p.offset, offset))
}

// overtaken tells whether a letter that is sent overtakes one that is not selected.
func (p passed) overtaken(lane []candidate) bool {
	placed := p.origin >= 0 && origins(lane) == p.origin
	for _, l := range lane {
		earlier := p.byTime(l.millis, l.partition, l.offset) < 0
		if placed {
			earlier = p.first < l.first
		}
		if l.left == "" && !l.aside && earlier {
			return true
		}
	}
	return false
}

// origins is the one partition in which all letters of a lane were first; -1: there
// were several, or it is not known.
func origins(lane []candidate) int32 {
	for _, l := range lane {
		if l.first < 0 || l.origin != lane[0].origin {
			return -1
		}
	}
	return lane[0].origin
}

// bound ends the work on a plan as soon as there are more letters than one plan may
// send, however many come after them. Those that were processed meanwhile do not
// count. Those that will wait for another one do.
func (d *drafting) bound(ctx context.Context) error {
	if d.order.Limit > 0 || d.sendable <= d.caps.Rows {
		return nil
	}
	if d.mode == wayReplay && d.words.Processed != nil {
		if len(d.found)-d.asked < idsAtOnce {
			return nil
		}
		if err := d.leaveProcessed(ctx); err != nil || d.sendable <= d.caps.Rows {
			return err
		}
	}
	err := d.caps.Check(d.sendable, max(d.sendable, d.ends.records()))
	var problem *check.Problem
	if errors.As(err, &problem) {
		return problemf("At least %s", problem.Sentence)
	}
	return err
}
