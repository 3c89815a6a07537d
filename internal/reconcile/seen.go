package reconcile

import "hash/maphash"

// seenKeys remembers keys, because SCAN may give one more than once. 128 bits of each
// are kept, so that no key is ever taken for another one.
type seenKeys struct {
	one, two maphash.Seed
	keys     map[[2]uint64]struct{}
}

func newSeenKeys() *seenKeys {
	return &seenKeys{maphash.MakeSeed(), maphash.MakeSeed(), map[[2]uint64]struct{}{}}
}

// fresh leaves out what was seen before. It reuses the memory of keys.
func (s *seenKeys) fresh(keys []string) []string {
	out := keys[:0]
	for _, key := range keys {
		print := [2]uint64{maphash.String(s.one, key), maphash.String(s.two, key)}
		if _, known := s.keys[print]; !known {
			s.keys[print] = struct{}{}
			out = append(out, key)
		}
	}
	return out
}
