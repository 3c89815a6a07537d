package postgres

import (
	"encoding/binary"
	"errors"
	"math/big"

	"github.com/shopspring/decimal"
)

// Bucket sums find out where two large tables disagree without joining them.
//
// Every key is hashed to 64 bits. The low bits choose one of B buckets, other
// bits make an odd weight of 31 bits. Both tables are read page by page, in any
// pieces; each piece answers with sum(weight × amount) per bucket. What the left
// rows come to is added, what the right rows come to is subtracted. Where all
// keys of a bucket agree, its sum is zero. The other buckets are "lit", and only
// their keys are looked at exactly.
//
// A lit bucket is only ever a hint. What must not happen is a wrong key in a
// bucket that is not lit. One wrong key always lights its bucket, because its
// weight is not zero. Several wrong keys of one bucket, wrong by d1, d2, …, stay
// dark only if w1·d1 + w2·d2 + … = 0. Whatever the other weights are, at most
// one of the 2^30 values of the last one does that: the probability is at most
// 2^-30 for a bucket with several wrong keys. D wrong keys make about D²/2B such
// buckets: with 1,000 wrong orders in 8,192 buckets 61, so that the chance of
// missing anything is 6 in 100,000,000. Every run draws another seed for the
// hash, so that such bad luck does not last.
//
// Amounts are added as numeric, never as floating point, so the sums are exact.
//
// Measured (3 M orders, 9 M items not clustered by order, 2 cores): grouping by
// 4,096 to 65,536 buckets costs about the same as long as the groups fit into
// the processor's cache, which 8,192 do; the weight costs a tenth of the pass;
// casting to integers costs more than numeric arithmetic saves.
const (
	fewBuckets  = 8_192
	manyBuckets = 65_536
	// From so many rows on the keys of one lit bucket of few would be too many.
	manyRows = 30_000_000
)

// sketch is the difference between two tables, in buckets.
type sketch struct {
	sums []decimal.Decimal
	// lit buckets hold a key that is wrong whatever the sums say, such as one
	// with a NULL, or an amount that cannot be added up (NaN, an infinity).
	lit []bool
}

func newSketch(buckets int) *sketch {
	return &sketch{sums: make([]decimal.Decimal, buckets), lit: make([]bool, buckets)}
}

// bucketSum is what one chunk says about one bucket.
type bucketSum struct {
	bucket int32
	sum    *string // a numeric as text; nil: nothing to add up
}

// add takes one chunk's sums in; minus tells that they are the right side's.
func (k *sketch) add(sums []bucketSum, minus bool) error {
	for _, s := range sums {
		if s.bucket < 0 || int(s.bucket) >= len(k.sums) {
			return errors.New("bucket sums: a bucket that does not exist")
		}
		if s.sum == nil {
			continue
		}
		d, err := decimal.NewFromString(*s.sum)
		switch {
		case err != nil: // NaN, Infinity
			k.lit[s.bucket] = true
		case minus:
			k.sums[s.bucket] = k.sums[s.bucket].Sub(d)
		default:
			k.sums[s.bucket] = k.sums[s.bucket].Add(d)
		}
	}
	return nil
}

// buckets are the lit ones, in order.
func (k *sketch) buckets() []int32 {
	lit := []int32{}
	for i := range k.sums {
		if k.lit[i] || !k.sums[i].IsZero() {
			lit = append(lit, int32(i))
		}
	}
	return lit
}

// MarshalBinary writes the sketch compactly: the number of buckets, the common
// exponent, and per bucket a flag, a sign and the digits. Text keeps cursors
// readable as JSON, so the bytes travel as base64.
func (k *sketch) MarshalBinary() ([]byte, error) {
	exponent := int32(0)
	for _, d := range k.sums {
		exponent = min(exponent, d.Exponent())
	}
	out := binary.AppendUvarint(nil, uint64(len(k.sums)))
	out = binary.AppendVarint(out, int64(exponent))
	for i, d := range k.sums {
		digits := d.Shift(-exponent).BigInt()
		head := uint64(len(digits.Bytes())) << 2
		if digits.Sign() < 0 {
			head |= 1
		}
		if k.lit[i] {
			head |= 2
		}
		out = binary.AppendUvarint(out, head)
		out = append(out, digits.Bytes()...)
	}
	return out, nil
}

var errSketch = errors.New("bucket sums: the cursor is damaged")

// UnmarshalBinary reads what MarshalBinary wrote.
func (k *sketch) UnmarshalBinary(data []byte) error {
	buckets, n := binary.Uvarint(data)
	if n <= 0 || buckets == 0 || buckets > manyBuckets {
		return errSketch
	}
	data = data[n:]
	exponent, n := binary.Varint(data)
	if n <= 0 || exponent > 0 || exponent < -100_000 {
		return errSketch
	}
	data = data[n:]
	*k = *newSketch(int(buckets))
	for i := range k.sums {
		head, n := binary.Uvarint(data)
		if n <= 0 || head>>2 > uint64(len(data)-n) { //nolint:gosec // n is at most len(data)
			return errSketch
		}
		size := int(head >> 2)
		digits := new(big.Int).SetBytes(data[n : n+size])
		if head&1 != 0 {
			digits.Neg(digits)
		}
		k.lit[i] = head&2 != 0
		k.sums[i] = decimal.NewFromBigInt(digits, int32(exponent))
		data = data[n+size:]
	}
	if len(data) > 0 {
		return errSketch
	}
	return nil
}
