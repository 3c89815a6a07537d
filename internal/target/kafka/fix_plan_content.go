package kafka

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/fix"
)

const (
	// batchRecords and batchBytes are what one transaction sends at most. A record
	// that is larger goes alone.
	batchRecords = 10_000
	batchBytes   = 8 << 20
)

// finish puts the plan together.
func (d *drafting) finish(chosen []candidate) (fix.Draft, error) {
	d.draft.Rows, d.draft.Total = int64(len(chosen)), int64(len(chosen))
	d.draft.Columns = d.words.check.columns()
	d.draft.Listing = d.listing()
	slices.SortStableFunc(d.draft.Left, func(a, b fix.Left) int { return cmp.Compare(b.Rows, a.Rows) })
	d.leaveSent()
	if len(chosen) == 0 {
		return d.draft, nil
	}
	content, err := d.content(chosen)
	if err != nil {
		return fix.Draft{}, err
	}
	d.draft.Content = content
	d.say(chosen)
	for _, one := range chosen[:min(len(chosen), fix.MaxSamples)] {
		d.draft.Samples = append(d.draft.Samples, one.sample())
	}
	return d.draft, nil
}

// content freezes what is sent where.
func (d *drafting) content(chosen []candidate) (fix.Content, error) {
	var c fix.Content
	forms := map[string]int{}
	home := chosen[0].partition
	for _, one := range chosen {
		home = min(home, one.partition)
	}
	for _, one := range chosen {
		key := fmt.Sprint(one.aside, one.topic)
		n, ok := forms[key]
		if !ok {
			f, err := d.form(one, home)
			if err != nil {
				return c, err
			}
			n = len(c.Forms)
			forms[key] = n
			c.Forms = append(c.Forms, f)
		}
		after, err := json.Marshal(goes{one.to, int(one.attempt)})
		if err != nil {
			return c, fmt.Errorf("letter of a plan: %w", err)
		}
		c.Changes = append(c.Changes, fix.Change{
			Form: n, Key: []string{d.name(strconv.Itoa(int(one.partition))), strconv.FormatInt(one.offset, 10)},
			Repairs: true, Before: one.print.String(), After: d.name(string(after)),
		})
	}
	sizes := make([]int32, len(chosen))
	replays := 0
	for i, one := range chosen {
		sizes[i] = one.size
		replays += bit(!one.aside)
	}
	c.PerBatch = perBatch(sizes, d.rate())
	if canary := d.words.canary(); canary > 0 && replays > 0 {
		c.First = min(canary, replays, c.PerBatch)
	}
	return c, nil
}

// form is what all letters that go to one topic have in common.
func (d *drafting) form(one candidate, home int32) (fix.Form, error) {
	spec := sendSpec{
		V: specVersion, Kind: sendLetter, Rules: d.rules, At: d.ends.topic, Home: home, Ends: map[int32]int64{},
		Processed: d.words.Processed, Canary: d.words.canary(), StopShare: d.words.stopShare(), Window: d.words.window(), Rate: d.rate(),
	}
	for partition, held := range d.ends.parts {
		spec.Ends[partition] = held.to
	}
	f := fix.Form{Op: fix.Send, Table: d.ends.topic, Key: []string{"partition", "offset"}, Name: one.topic, Shape: d.ends.id, Once: true}
	if one.aside {
		spec.Kind, spec.Processed, spec.Rules = sendAside, nil, letterRules{}
	} else if p := d.words.Processed; p != nil {
		f.Why = fmt.Sprintf("its event id stands in %s of %s by now", p.Table, p.Target)
	}
	var err error
	f.Spec, err = spec.json()
	return f, err
}

// rate is how many records a second are sent; 0: as fast as it goes.
func (d *drafting) rate() int {
	if d.order.Rate > 0 {
		return d.order.Rate
	}
	return d.words.rate()
}

// perBatch is how many records one transaction sends: so few that none sends more
// than a second's worth, nor too many bytes.
func perBatch(sizes []int32, rate int) int {
	n := batchRecords
	if rate > 0 {
		n = min(n, rate)
	}
	for n > 1 && largest(sizes, n) > batchBytes {
		n /= 2
	}
	return n
}

// largest is how many bytes any n records in a row have at most.
func largest(sizes []int32, n int) int64 {
	most, sum := int64(0), int64(0)
	for i, size := range sizes {
		sum += int64(size)
		if i >= n {
			sum -= int64(sizes[i-n])
		}
		most = max(most, sum)
	}
	return most
}

// listing is the whole plan as lines of CSV: what is sent, and what is left alone
// of that which was meant. What only an order's limit leaves out is not worth lines.
func (d *drafting) listing() [][]string {
	lines := [][]string{{"partition", "offset", "time", "error", "key", "what becomes of it"}}
	for _, one := range d.found {
		if one.beyond {
			continue
		}
		fate := one.fate()
		if one.left != "" {
			fate = "left alone: " + one.left
		}
		lines = append(lines, []string{
			d.name(strconv.Itoa(int(one.partition))), strconv.FormatInt(one.offset, 10), instant(time.UnixMilli(one.millis)),
			check.Inert(one.class), check.Inert(one.shown), d.name(check.Inert(fate)),
		})
	}
	return lines
}
