package reconcile

import "hash/maphash"

// seenKeys remembers keys, because SCAN may give one more than once. 128 bits of each
// are kept, so that no key is ever taken for another one.
type seenKeys struct {
	one, two maphash.Seed
	keys     map[[2]uint64]struct{}
}

// newSeenKeys has room for about so many keys, so that it need not grow.
func newSeenKeys(about int64) *seenKeys {
	const most = 4 << 20 // for more it grows all the same
	return &seenKeys{maphash.MakeSeed(), maphash.MakeSeed(), make(map[[2]uint64]struct{}, max(0, min(about, most)))}
}

// fresh leaves out what was seen before. It reuses the memory of keys.
func (s *seenKeys) fresh(keys []string) []string {
	out := keys[:0]
	for _, key := range keys {
		hash := [2]uint64{maphash.String(s.one, key), maphash.String(s.two, key)}
		if _, known := s.keys[hash]; !known {
			s.keys[hash] = struct{}{}
			out = append(out, key)
		}
	}
	return out
}
