package kafka

import (
	"cmp"
	"context"
	"slices"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/message/phrase"
)

// leaveProcessed leaves out what the consumer has dealt with, by its own table.
func (d *drafting) leaveProcessed(ctx context.Context) error {
	p := d.words.Processed
	if p == nil {
		return nil
	}
	if d.sources.Tables == nil {
		return problemf("The table %s of %s cannot be asked which events were processed: that target is off.", p.Table, p.Target)
	}
	var asked []int
	for i, one := range d.found[d.asked:] {
		if one.left == "" && !one.aside && one.id != "" {
			asked = append(asked, d.asked+i)
		}
	}
	d.asked = len(d.found)
	progress := check.Progress{Total: int64(len(asked)), Reading: p.Table}
	why := "were processed already: their event ids stand in " + p.Table + " of " + p.Target
	for some := range slices.Chunk(asked, idsAtOnce) {
		ids := make([]string, len(some))
		for n, i := range some {
			ids[n] = d.found[i].id
		}
		known, err := d.sources.Tables.Known(ctx, p.Target, p.Table, p.Column, ids)
		if err != nil {
			return err
		}
		for _, i := range some {
			if known[d.found[i].id] {
				d.found[i].leave(why, false)
				d.sendable--
			}
		}
		progress.Done += int64(len(some))
		d.tell(progress)
	}
	return nil
}

// keepOrder puts the letters of one key into the order in which they were first,
// and has later ones wait for an earlier one that is left alone. Each lane keeps
// its places in the whole.
func (d *drafting) keepOrder() {
	lanes, crosses := d.lanes()
	if crosses {
		// What one batch is about would otherwise stand all over the topic.
		permute(d.found, together(d.found))
		lanes, _ = d.lanes()
	}
	several, overtaken := int64(0), int64(0)
	for key, places := range lanes {
		before, passed := d.passed[key]
		if len(places) < 2 && !passed {
			continue
		}
		lane := make([]candidate, len(places))
		for n, i := range places {
			lane[n] = d.found[i]
		}
		sortLane(lane)
		several += int64(bit(hold(lane) > 1))
		overtaken += int64(bit(passed && before.overtaken(lane)))
		for n, i := range places {
			d.found[i] = lane[n]
		}
	}
	d.orderRisk(several, overtaken)
}

// lanes are the places of all letters by their lane, and whether some lane's
// letters stand in several partitions.
func (d *drafting) lanes() (lanes map[fingerprint][]int, crosses bool) {
	lanes = map[fingerprint][]int{}
	for i := range d.found {
		one := &d.found[i]
		if one.lane == (fingerprint{}) {
			continue
		}
		lanes[one.lane] = append(lanes[one.lane], i)
		crosses = crosses || d.found[lanes[one.lane][0]].partition != one.partition
	}
	return lanes, crosses
}

// together is an order of letters that goes through all partitions at once, each
// from its beginning to its end, and keeps those of one time close together.
// found has one partition after the other.
func together(found []candidate) []int32 {
	var ends []int // where each partition ends
	for i := range found {
		if i+1 == len(found) || found[i].partition != found[i+1].partition {
			ends = append(ends, i+1)
		}
	}
	heads, times := make([]int, len(ends)), make([]int64, len(ends))
	for n := range ends {
		if n > 0 {
			heads[n] = ends[n-1]
		}
		times[n] = found[heads[n]].millis
	}
	order := make([]int32, 0, len(found))
	for len(order) < len(found) {
		next := -1
		for n := range ends {
			if heads[n] < ends[n] && (next < 0 || times[n] < times[next]) {
				next = n
			}
		}
		order = append(order, int32(heads[next])) //nolint:gosec // a plan has fewer
		if heads[next]++; heads[next] < ends[next] {
			times[next] = max(times[next], found[heads[next]].millis)
		}
	}
	return order
}

// permute puts letters into an order, without a second copy of all of them. The
// order is of no use afterwards.
func permute(found []candidate, order []int32) {
	for i := range order {
		at, first := i, found[i]
		for order[at] >= 0 {
			from := int(order[at])
			order[at] = -1
			if from == i {
				found[at] = first
				break
			}
			found[at] = found[from]
			at = from
		}
	}
}

// hold has letters of one key wait for an earlier one that is left alone. It tells
// how many are sent.
func hold(lane []candidate) (sent int) {
	waits := false
	for n := range lane {
		one := &lane[n]
		if waits && !one.aside {
			one.leave("wait for an earlier letter of their key that is left alone", true)
		}
		waits = waits || one.left != "" && one.blocks
		sent += bit(one.left == "" && !one.aside)
	}
	return sent
}

func (d *drafting) orderRisk(several, overtaken int64) {
	if several > 0 {
		d.risk("%s several letters here: they are sent in the order in which they were first, but what producers send meanwhile comes in between.", have(several))
	}
	if d.crowded {
		d.risk("More than %s keys have letters that are not selected: those that are sent may overtake earlier ones.", phrase.Count(lanesMost))
	} else if overtaken > 0 {
		d.risk("%s earlier letters that are not selected: those that are sent overtake them.", have(overtaken))
	}
}

func have(keys int64) string {
	if keys == 1 {
		return "1 key has"
	}
	return phrase.Count(keys) + " keys have"
}

// sortLane orders letters of one key: by where they were first, if all were in
// one partition; else by when; and last by where they stand now.
func sortLane(lane []candidate) {
	one := origins(lane) >= 0
	slices.SortStableFunc(lane, func(a, b candidate) int {
		by := cmp.Compare(a.millis, b.millis)
		if one {
			by = cmp.Compare(a.first, b.first)
		}
		return cmp.Or(by, cmp.Compare(a.partition, b.partition), cmp.Compare(a.offset, b.offset))
	})
}

// choose takes as many letters as the order wants. The error is a Problem: they
// are more than one plan may repair.
func (d *drafting) choose() ([]candidate, error) {
	var chosen []candidate
	for i := range d.found {
		one := &d.found[i]
		if one.left == "" && d.order.Limit > 0 && len(chosen) >= d.order.Limit {
			one.leave("over the limit of "+phrase.Count(int64(d.order.Limit)), false)
			one.beyond = true
		}
		if one.left != "" {
			d.leave(one.left, 1, placeText(one.partition, one.offset))
			continue
		}
		chosen = append(chosen, *one)
	}
	if err := d.caps.Check(int64(len(chosen)), d.draft.Of); err != nil {
		return nil, err
	}
	// Those that are put aside come last: nothing waits for them.
	slices.SortStableFunc(chosen, func(a, b candidate) int { return cmp.Compare(bit(a.aside), bit(b.aside)) })
	return chosen, nil
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
