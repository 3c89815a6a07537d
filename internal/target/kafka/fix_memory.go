package kafka

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/integritybot/integritybot/internal/fix"
)

// memoryMost is how much text a group keeps with an offset at most, in bytes:
// offset.metadata.max.bytes of a broker (Apache Kafka, "Broker Configs").
const memoryMost = 4096

// memory is what the cluster remembers of a plan: all batches so far, in the text
// beside an offset that was committed in the transaction of the last one. The zero
// value is a plan of which nothing was sent.
type memory struct {
	V int `json:"v"`
	// Next is the batch that is to be made next.
	Next int `json:"next"`
	// Sent counts the copies that may come back; Last is how many the last batch
	// sent in all.
	Sent int64 `json:"sent,omitempty"`
	Last int64 `json:"last,omitempty"`
	// First: the last batch was the first one whose copies may come back.
	First bool `json:"first,omitempty"`
	// Millis is when the last batch was made.
	Millis int64 `json:"t,omitempty"`
	// Sizes are how many changes the batches have: pairs of a size and of how many
	// batches in a row have it.
	Sizes [][2]int `json:"sizes,omitempty"`
	// Skipped are the changes that were left alone, by the letter of their reason:
	// "0:1-3,7;4:0" is changes 1 to 3 and 7 of batch 0, and 0 of batch 4.
	Skipped map[string]string `json:"skipped,omitempty"`
	// Waiting are the lanes of which one was left alone: what comes later in them
	// waits, whichever batch it is in. In base64, one behind the other.
	Waiting []byte `json:"waiting,omitempty"`
}

// reasons give each reason for leaving a record alone its letter. Letters are
// never given to another reason: groups remember them.
func reasons() map[string]fix.Why {
	return map[string]fix.Why{
		"c": fix.WhyChanged, "g": fix.WhyGone, "u": fix.WhyUnless,
		"l": whyLarge, "t": whyTime, "k": whyKeyless, "p": whyPartition, "w": whyWaits,
	}
}

// with is the memory after one more batch.
func (m memory) with(r fix.Result, size int, sent int64) memory {
	out := memory{
		V: specVersion, Next: m.Next + 1, Sent: m.Sent + sent, Last: r.Changed, First: m.Sent == 0 && sent > 0, Millis: r.At.UnixMilli(),
		Sizes: slices.Clone(m.Sizes), Skipped: map[string]string{}, Waiting: m.Waiting,
	}
	if n := len(out.Sizes); n > 0 && out.Sizes[n-1][0] == size {
		out.Sizes[n-1][1]++
	} else {
		out.Sizes = append(out.Sizes, [2]int{size, 1})
	}
	for letter, ranges := range m.Skipped {
		out.Skipped[letter] = ranges
	}
	for letter, why := range reasons() {
		var at []int
		for _, s := range r.Skipped {
			if s.Why == why {
				at = append(at, s.Index)
			}
		}
		if len(at) == 0 {
			continue
		}
		ranges := strconv.Itoa(r.Batch) + ":" + rangesOf(at)
		if before := out.Skipped[letter]; before != "" {
			ranges = before + ";" + ranges
		}
		out.Skipped[letter] = ranges
	}
	return out
}

// rangesOf writes numbers in rising order: 1-3,7.
func rangesOf(at []int) string {
	var parts []string
	for i := 0; i < len(at); {
		j := i
		for j+1 < len(at) && at[j+1] == at[j]+1 {
			j++
		}
		part := strconv.Itoa(at[i])
		if j > i {
			part += "-" + strconv.Itoa(at[j])
		}
		parts, i = append(parts, part), j+1
	}
	return strings.Join(parts, ",")
}

// text is how the memory is kept.
func (m memory) text() (string, error) {
	out, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("memory of a plan: %w", err)
	}
	return string(out), nil
}

// readMemory reads what text wrote.
func readMemory(text string) (memory, error) {
	var m memory
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return m, fmt.Errorf("memory of a plan: %w", err)
	}
	if m.V != specVersion {
		return m, problemf("What the plan's group remembers was written by another version of the bot, so it is not known what was sent.")
	}
	return m, nil
}

// results are what became of the batches so far, in order.
func (m memory) results() ([]fix.Result, error) {
	var out []fix.Result
	for _, run := range m.Sizes {
		if run[0] < 0 || run[1] < 0 || run[1] > m.Next-len(out) {
			return nil, fmt.Errorf("memory of a plan: sizes %v of %d batches", m.Sizes, m.Next)
		}
		for range run[1] {
			out = append(out, fix.Result{Batch: len(out), Pass: 1, Changed: int64(run[0]), At: time.UnixMilli(m.Millis).UTC()})
		}
	}
	if len(out) != m.Next {
		return nil, fmt.Errorf("memory of a plan: %d batches, but the next is %d", len(out), m.Next)
	}
	for letter, text := range m.Skipped {
		why, known := reasons()[letter]
		if !known {
			return nil, fmt.Errorf("memory of a plan: unknown reason %q", letter)
		}
		if err := skip(out, why, text); err != nil {
			return nil, err
		}
	}
	for i := range out {
		slices.SortFunc(out[i].Skipped, func(a, b fix.Skipped) int { return a.Index - b.Index })
		if out[i].Changed -= int64(len(out[i].Skipped)); out[i].Changed < 0 {
			return nil, fmt.Errorf("memory of a plan: batch %d leaves more alone than it has", i)
		}
	}
	return out, nil
}

// skip adds what was left alone for one reason.
func skip(results []fix.Result, why fix.Why, text string) error {
	for one := range strings.SplitSeq(text, ";") {
		number, ranges, _ := strings.Cut(one, ":")
		batch, err := strconv.Atoi(number)
		if err != nil || batch < 0 || batch >= len(results) {
			return fmt.Errorf("memory of a plan: batch %q", number)
		}
		for r := range strings.SplitSeq(ranges, ",") {
			first, last, ranged := strings.Cut(r, "-")
			if !ranged {
				last = first
			}
			from, err := strconv.Atoi(first)
			to, err2 := strconv.Atoi(last)
			if err != nil || err2 != nil || from < 0 || int64(to) >= results[batch].Changed {
				return fmt.Errorf("memory of a plan: range %q", r)
			}
			for i := from; i <= to; i++ {
				results[batch].Skipped = append(results[batch].Skipped, fix.Skipped{Index: i, Why: why})
			}
		}
	}
	return nil
}
