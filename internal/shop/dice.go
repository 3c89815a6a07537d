package shop

// dice is the only source of chance: a pure function of the seed, a stream and a number, so that any row can be
// computed alone, in any order, and comes out the same for the same seed.
type dice uint64

type stream uint64

const (
	streamCustomer stream = iota + 1
	streamProduct
	streamMovement
	streamOrder
	streamTime
	streamStatus
	streamCount
	streamItem
	streamPayment
	streamSlot
	streamPlant
)

// roll is splitmix64 over seed, stream and n.
func (d dice) roll(s stream, n int) uint64 {
	z := uint64(d) + uint64(s)*0xd1342543de82ef95 + uint64(n)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z = (z ^ z>>31) + uint64(d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// scatter is a permutation of 0 … size-1 that puts neighbours far apart: an affine map with a multiplier near
// the golden section, made coprime with size. It needs no memory and no table of 9,000,000 entries.
type scatter struct{ size, step, start int }

func newScatter(d dice, s stream, size int) scatter {
	if size < 3 {
		return scatter{size: max(size, 1), step: 1}
	}
	step := int(float64(size)*0.6180339887) | 1
	for gcd(step, size) != 1 {
		step += 2
	}
	return scatter{size: size, step: step % size, start: int(d.roll(s, 0) % uint64(size))}
}

func (p scatter) at(k int) int { return (k*p.step + p.start) % p.size }

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
