package reconcile

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"strings"
)

const (
	// knownShare is how many rows a table may have for each key of the cache to be read
	// as a whole: beyond that most rows would be read for nothing.
	knownShare = 4
	// knownMemory is how much of them is kept at most; rows beyond that are looked up.
	knownMemory = 128 << 20
	// knownPiece is how much is kept in one piece of memory.
	knownPiece = 1 << 20
)

// knownRows are rows as they were at the beginning of a check at full speed. A value
// that agrees with one, column by column, is right, and its row need not be looked up,
// which costs ten times as much. Nothing else is told by them: whatever does not agree
// is looked at afresh.
type knownRows struct {
	columns int
	most    int // bytes
	seed    maphash.Seed
	slots   []uint64 // of a hash table: where a row is, 0: nowhere
	used    int
	pieces  []string
	last    *strings.Builder // of the last piece
	memory  int
	bytes   []byte // of one row
}

const (
	// pieceShift: the high half of a slot is the number of a piece, the low one a place in
	// it, both from 1 on.
	pieceShift = 32
	placeMask  = 1<<pieceShift - 1
	// twice marks a slot of whose key there was more than one row.
	twice = 1 << 63
)

func newKnownRows(columns int, about int64, most int) *knownRows {
	size := 1 << 10
	for int64(size) < 2*about && size < most/16 {
		size *= 2
	}
	return &knownRows{columns: columns, most: most, seed: maphash.MakeSeed(), slots: make([]uint64, size)}
}

// add keeps a row: the lengths of its key and its columns, 0 for NULL, each with the
// text behind it. Of two with one key neither is known.
func (k *knownRows) add(key []byte, row [][]byte) error {
	k.bytes = append(binary.AppendUvarint(k.bytes[:0], uint64(len(key))), key...)
	for _, one := range row {
		if one == nil {
			k.bytes = append(k.bytes, 0)
			continue
		}
		k.bytes = append(binary.AppendUvarint(k.bytes, uint64(len(one))+1), one...)
	}
	if k.memory+len(k.bytes) > k.most {
		return nil
	}
	if 2*k.used >= len(k.slots) {
		k.grow()
	}
	slot := k.find(string(key))
	if k.slots[slot] != 0 {
		k.slots[slot] |= twice
		return nil
	}
	k.memory += len(k.bytes)
	if k.last == nil || k.last.Len()+len(k.bytes) > k.last.Cap() {
		k.last = &strings.Builder{}
		k.last.Grow(max(knownPiece, len(k.bytes)))
		k.pieces = append(k.pieces, "")
	}
	k.slots[slot] = uint64(len(k.pieces))<<pieceShift | uint64(k.last.Len()+1) //nolint:gosec // lengths
	k.used++
	_, _ = k.last.Write(k.bytes) // a builder takes everything
	k.pieces[len(k.pieces)-1] = k.last.String()
	return nil
}

func (k *knownRows) grow() {
	old := k.slots
	k.slots = make([]uint64, 2*len(old))
	for _, slot := range old {
		if slot != 0 {
			key, _ := k.at(slot)
			k.slots[k.find(key)] = slot
		}
	}
}

// at is the key of a row, and what is behind it.
func (k *knownRows) at(slot uint64) (key, rest string) {
	piece := k.pieces[slot&^twice>>pieceShift-1]
	return lengthed(piece[slot&placeMask-1:], 0)
}

// find is the slot of a key: where it is, or where it would be.
func (k *knownRows) find(key string) int {
	last := uint64(len(k.slots) - 1) //nolint:gosec // there is always one
	for i := maphash.String(k.seed, key) & last; ; i = (i + 1) & last {
		if k.slots[i] == 0 {
			return int(i) //nolint:gosec // an index
		}
		if known, _ := k.at(k.slots[i]); known == key {
			return int(i) //nolint:gosec // an index
		}
	}
}

// row gives the columns of a row, in memory of the caller's. false: it is not known.
func (k *knownRows) row(key string, cells []string, row Row) bool {
	slot := k.slots[k.find(key)]
	if slot == 0 || slot&twice != 0 {
		return false
	}
	_, rest := k.at(slot)
	cells = cells[:k.columns]
	for i := range cells {
		row[i] = nil
		if rest[0] == 0 {
			rest = rest[1:]
			continue
		}
		cells[i], rest = lengthed(rest, 1)
		row[i] = &cells[i]
	}
	return true
}

// lengthed takes a text off whose length is before it, and that much more.
func lengthed(s string, more int) (text, rest string) {
	const bits, full = 7, 0x80
	n, shift := 0, 0
	for s[0] >= full {
		n |= int(s[0]&(full-1)) << shift
		shift += bits
		s = s[1:]
	}
	n |= int(s[0]) << shift
	return s[1 : 1+n-more], s[1+n-more:]
}

// know reads the rows of a table that is not much larger than the cache. Where that
// cannot be done nothing is known (nil), which is no error.
func (j *judge) know(ctx context.Context, keys int64) (*knownRows, error) {
	known := newKnownRows(len(j.columns), keys, knownMemory)
	read, err := j.rows.All(ctx, knownShare*keys, known.add)
	if !read {
		return nil, err
	}
	return known, err
}
