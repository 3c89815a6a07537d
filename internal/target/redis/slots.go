package redis

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// slotCount is how many hash slots a cluster has (Redis cluster specification, "Key
// distribution model").
const slotCount = 16384

// slotOf is the slot of a key: the CRC16 of what stands in its first braces, or of
// all of it (Redis cluster specification, "Hash tags").
func slotOf(key string) int {
	if open := strings.IndexByte(key, '{'); open >= 0 {
		if length := strings.IndexByte(key[open+1:], '}'); length > 0 {
			key = key[open+1 : open+1+length]
		}
	}
	return int(crc16(key)) % slotCount
}

// crc16 is CRC-16/XMODEM: polynomial 1021, begun with 0 (Redis cluster specification,
// appendix A).
func crc16(s string) uint16 {
	const polynomial, high = 0x1021, 0x8000
	var sum uint16
	for i := range len(s) {
		sum ^= uint16(s[i]) << 8
		for range 8 {
			if sum&high != 0 {
				sum = sum<<1 ^ polynomial
			} else {
				sum <<= 1
			}
		}
	}
	return sum
}

// slotTags are the shortest texts that fall into each slot, in the order of the slots:
// by them a plan's record stands beside the keys that it is about.
func slotTags() []string {
	const letters = 36
	out := make([]string, slotCount)
	for n, missing := int64(0), slotCount; missing > 0; n++ {
		tag := strconv.FormatInt(n, letters)
		if slot := slotOf(tag); out[slot] == "" {
			out[slot] = tag
			missing--
		}
	}
	return out
}

// span is slots from one to another, both in it.
type span struct{ from, to int }

// primary is one server that holds keys. slots and id are empty unless it is of a
// cluster; info is empty until somebody has asked for it.
type primary struct {
	client goredis.UniversalClient
	id     string
	slots  []span
	info   map[string]string
}

// layout names the slots: 0-5460,9000-9010.
func (p primary) layout() string {
	var out []string
	for _, s := range p.slots {
		out = append(out, fmt.Sprintf("%d-%d", s.from, s.to))
	}
	return strings.Join(out, ",")
}

// owners are the primaries of a cluster by their slots, ordered by them. A slot that
// nobody serves is an error.
func owners(told []goredis.ClusterSlot) ([]primary, error) {
	slices.SortFunc(told, func(a, b goredis.ClusterSlot) int { return a.Start - b.Start })
	var out []primary
	at := map[string]int{}
	next := 0
	for _, one := range told {
		if one.Start != next || len(one.Nodes) == 0 {
			return nil, fmt.Errorf("slot %d has no server", next)
		}
		next = one.End + 1
		i, known := at[one.Nodes[0].ID]
		if !known {
			i = len(out)
			at[one.Nodes[0].ID] = i
			out = append(out, primary{id: one.Nodes[0].ID})
		}
		out[i].slots = append(out[i].slots, span{one.Start, one.End})
	}
	if next != slotCount {
		return nil, fmt.Errorf("slot %d has no server", next)
	}
	return out, nil
}
