package reconcile

import (
	"time"

	"github.com/integritybot/integritybot/internal/message/phrase"
	"github.com/integritybot/integritybot/internal/target/redis"
)

// histogram counts keys by how long they stay.
type histogram [9]int64

// within are the upper ends of its parts but for the last two: longer, and for ever.
func within() []time.Duration {
	const day = 24 * time.Hour
	return []time.Duration{time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, day, 7 * day, 30 * day}
}

func (h *histogram) add(v redis.Value) {
	ends := within()
	if v.TTL == redis.Forever {
		h[len(ends)+1]++
		return
	}
	for i, end := range ends {
		if v.TTL < end {
			h[i]++
			return
		}
	}
	h[len(ends)]++
}

// rows are its parts with their keys and shares.
func (h *histogram) rows() [][]string {
	names := []string{"under 1 min", "1 to 10 min", "10 min to 1 h", "1 to 6 h", "6 to 24 h", "1 to 7 days", "7 to 30 days", "over 30 days", "no expiry"}
	var total int64
	for _, n := range h {
		total += n
	}
	var out [][]string
	for i, n := range h {
		share := ""
		if total > 0 {
			share = phrase.Share(n, total)
		}
		out = append(out, []string{"expires in " + names[i], phrase.Count(n), share})
	}
	out[len(out)-1][0] = "no expiry"
	return out
}
