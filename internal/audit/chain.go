package audit

import (
	"crypto/sha256"
	"strconv"
	"time"
)

// Head is the end of the chain: how many events there are and the hash of the
// last. The zero Head is the empty chain.
type Head struct {
	Size int64
	Hash [32]byte
}

// Link is the hash of an event: SHA-256 over the hash before it and its body.
func Link(prev [32]byte, body []byte) [32]byte {
	h := sha256.New()
	h.Write(prev[:])
	h.Write(body)
	var sum [32]byte
	h.Sum(sum[:0])
	return sum
}

// Append makes the next entry behind this head. The time is kept to the
// microsecond, in UTC.
func (h Head) Append(at time.Time, e Event) (Entry, Head, error) {
	at = at.UTC().Truncate(time.Microsecond)
	seq := h.Size + 1
	body, err := Encode(seq, at, e)
	if err != nil {
		return Entry{}, h, err
	}
	hash := Link(h.Hash, body)
	return Entry{Seq: seq, At: at, Body: body, Prev: h.Hash, Hash: hash, Event: clean(e)}, Head{Size: seq, Hash: hash}, nil
}

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }
