package redis

import (
	"crypto/sha1" //nolint:gosec // what Redis's scripts can compute; it tells values apart, and keeps no secret
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxValue is how large a value may be to be read, compared and copied, in bytes. With
// more the copying would hold up others.
const MaxValue = 1 << 20

// maxFields is the same for the fields of a hash.
const maxFields = 5_000

// Forever is the TTL of a value without an expiry.
const Forever = time.Duration(-1)

// The kinds of value that are read. Others have the name that TYPE gives them.
const (
	None   = "none" // there is no such key
	String = "string"
	Hash   = "hash"
)

// Value is one cached value.
type Value struct {
	Key string
	// Kind is as TYPE says it. A key that is gone is None.
	Kind string
	// Text is the value of a String, Fields those of a Hash; neither if it is Large.
	Text   string
	Fields map[string]string
	// Large is more than [MaxValue], or a hash of thousands of fields, and not read. Size is in bytes, where it is known.
	Large bool
	Size  int64
	// TTL is how long it stays; Forever: until somebody removes it.
	TTL time.Duration
	At  time.Time // when it was read
	// Dump is what DUMP gave, of values of other kinds.
	Dump string

	digest string // of one that is slim
	fields int    // of a hash that is slim
}

// Slim is the value without what it holds: it can still be told from others.
func (v Value) Slim() Value {
	v.digest, v.fields = v.Digest(), max(v.fields, len(v.Fields))
	v.Text, v.Fields, v.Dump = "", nil, ""
	return v
}

// fieldBytes is what a field of a hash counts for beside its text.
const fieldBytes = 64

// weight is how much work the value is for a script, in bytes.
func (v Value) weight() int64 { return v.Size + int64(max(v.fields, len(v.Fields)))*fieldBytes }

// Expires is when it expires; zero: never.
func (v Value) Expires() time.Time {
	if v.TTL < 0 {
		return time.Time{}
	}
	return v.At.Add(v.TTL)
}

// Digest tells the value from every other one, as scripts in Redis compute it. Of a
// hash the order of the fields does not matter.
func (v Value) Digest() string {
	if v.digest != "" {
		return v.digest
	}
	switch v.Kind {
	case String:
		return String + ":" + sum(v.Text)
	case Hash:
		pairs := make([]string, 0, len(v.Fields))
		for name, text := range v.Fields {
			pairs = append(pairs, sum(strconv.Itoa(len(name))+":"+name+text))
		}
		slices.Sort(pairs)
		return Hash + ":" + sum(strings.Join(pairs, ""))
	}
	return v.Kind + ":" + sum(v.Dump)
}

// sum copies no more of a text at once than a little: values are large, and many.
func sum(s string) string {
	h := sha1.New() //nolint:gosec // see above
	var some [1 << 10]byte
	for s != "" {
		n := copy(some[:], s)
		_, _ = h.Write(some[:n]) // a hash takes everything
		s = s[n:]
	}
	return hex.EncodeToString(h.Sum(nil))
}
