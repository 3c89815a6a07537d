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
	for i, one := range d.found {
		if one.left == "" && !one.aside && one.id != "" {
			asked = append(asked, i)
		}
	}
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
	lanes := map[fingerprint][]int{}
	for i, one := range d.found {
		if one.lane != (fingerprint{}) {
			lanes[one.lane] = append(lanes[one.lane], i)
		}
	}
	several, overtaken := int64(0), int64(0)
	for _, places := range lanes {
		if len(places) < 2 {
			continue
		}
		lane := make([]candidate, len(places))
		for n, i := range places {
			lane[n] = d.found[i]
		}
		sortLane(lane)
		sent, overtakes := hold(lane)
		several += int64(bit(sent > 1))
		overtaken += int64(bit(overtakes))
		for n, i := range places {
			d.found[i] = lane[n]
		}
	}
	d.orderRisk(several, overtaken)
}

// hold has letters of one key wait for an earlier one that is left alone. It tells
// how many are sent, and whether they overtake one that is not selected.
func hold(lane []candidate) (sent int, overtakes bool) {
	waits, unselected := false, false
	for n := range lane {
		one := &lane[n]
		if waits && !one.aside {
			one.leave("wait for an earlier letter of their key that is left alone", true)
		}
		waits = waits || one.left != "" && one.blocks
		unselected = unselected || !one.selected
		if one.left == "" && !one.aside {
			sent++
			overtakes = overtakes || unselected
		}
	}
	return sent, overtakes
}

func (d *drafting) orderRisk(several, overtaken int64) {
	if several > 0 {
		d.risk("%s several letters here: they are sent in the order in which they were first, but what producers send meanwhile comes in between.", have(several))
	}
	if overtaken > 0 {
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
	one := true
	for _, l := range lane {
		one = one && l.first >= 0 && l.origin >= 0 && l.origin == lane[0].origin
	}
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
