package cluster

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Names and uids are the same in each run, so that what a story shows can be told again.

// word is a new short word of digits, the same in each run.
func (c *Cluster) word() string {
	sum := c.digest()
	return fmt.Sprintf("%05d", binary.BigEndian.Uint32(sum)%100_000)
}

func (c *Cluster) uid() string {
	sum := c.digest()
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80 // as a random one is marked
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func (c *Cluster) digest() []byte {
	c.ids++
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, c.ids))
	return sum[:]
}
