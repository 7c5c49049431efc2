// Package qr writes QR codes (ISO/IEC 18004): a text of ASCII as a square of dark and light modules, in
// versions 1 to 25, at the levels L and M. It makes the squares that the client in Python makes.
package qr

const (
	largest  = 25
	largestM = 5 // what a larger one takes at level M, a smaller one takes at L

	signL, signM = 1, 0
	field        = 0x11D
	formatCheck  = 0x537
	formatMask   = 0x5412
	versionCheck = 0x1F25
)

// For each version: the check bytes of a block, and the blocks.
var (
	checksL = [...]int{7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26}
	blocksL = [...]int{1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12}
	checksM = [...]int{10, 16, 26, 18, 24}
	blocksM = [...]int{1, 1, 1, 2, 2}
	padding = [...]byte{0xEC, 0x11}
	finders = [...]string{"10111010000", "00001011101"}
)

// masks tell whether one leaves the module at x, y as it is, by 0 that it does not.
var masks = [...]func(x, y int) int{
	func(x, y int) int { return (x + y) % 2 },
	func(_, y int) int { return y % 2 },
	func(x, _ int) int { return x % 3 },
	func(x, y int) int { return (x + y) % 3 },
	func(x, y int) int { return (x/3 + y/2) % 2 },
	func(x, y int) int { return x*y%2 + x*y%3 },
	func(x, y int) int { return (x*y%2 + x*y%3) % 2 },
	func(x, y int) int { return ((x+y)%2 + x*y%3) % 2 },
}

// A symbol is a version at a level.
type symbol struct {
	version, sign, checks, blocks int
}

// Encode are the rows of the smallest symbol for a text, each of '1' for dark and '0' for light, at level
// M where that costs no larger one; nil: the text is too long for any.
func Encode(text string) []string {
	for version := 1; version <= largest; version++ {
		one := symbol{version, signL, checksL[version-1], blocksL[version-1]}
		if !one.fits(text) {
			continue
		}
		if version <= largestM {
			other := symbol{version, signM, checksM[version-1], blocksM[version-1]}
			if other.fits(text) {
				one = other
			}
		}
		return best(newSquare(version).fill(one.codewords(text)), one.sign)
	}
	return nil
}

func best(s *square, sign int) []string {
	var rows []string
	least := 0
	for mask := range masks {
		tried := s.masked(mask, sign)
		if score := penalty(tried); rows == nil || score < least {
			rows, least = tried, score
		}
	}
	return rows
}

func (s symbol) fits(text string) bool { return 4+s.countBits()+8*len(text) <= 8*s.room() }

func (s symbol) countBits() int {
	if s.version < 10 {
		return 8
	}
	return 16
}

func (s symbol) codewordCount() int {
	modules := (16*s.version+128)*s.version + 64
	if s.version > 1 {
		aligned := s.version/7 + 2
		modules -= (25*aligned-10)*aligned - 55
	}
	if s.version > 6 {
		modules -= 36
	}
	return modules / 8
}

// room is how many bytes are data.
func (s symbol) room() int { return s.codewordCount() - s.checks*s.blocks }

// codewords are all bytes, those of the blocks in turn, and then their checks.
func (s symbol) codewords(text string) []byte {
	room := s.room()
	var bits []byte
	put := func(value, count int) {
		for count--; count >= 0; count-- {
			bits = append(bits, byte(value>>count&1))
		}
	}
	put(4, 4)
	put(len(text), s.countBits())
	for at := 0; at < len(text); at++ {
		put(int(text[at]), 8)
	}
	rest := 8*room - len(bits)
	if rest > 4 {
		rest = 4
	}
	put(0, rest)
	for len(bits)%8 != 0 {
		put(0, 1)
	}
	filled := make([]byte, len(bits)/8)
	for at, bit := range bits {
		filled[at/8] = filled[at/8]<<1 | bit
	}
	for at := 0; len(filled) < room; at++ {
		filled = append(filled, padding[at%2])
	}
	shorter := s.blocks - s.codewordCount()%s.blocks
	divisor := divisorOf(s.checks)
	var parts, ends [][]byte
	for number, at := 0, 0; number < s.blocks; number++ {
		size := room / s.blocks
		if number >= shorter {
			size++
		}
		parts = append(parts, filled[at:at+size])
		ends = append(ends, remainder(filled[at:at+size], divisor))
		at += size
	}
	var all []byte
	for at := range parts[len(parts)-1] {
		for _, part := range parts {
			if at < len(part) {
				all = append(all, part[at])
			}
		}
	}
	for at := 0; at < s.checks; at++ {
		for _, end := range ends {
			all = append(all, end[at])
		}
	}
	return all
}

func times(one, other byte) byte {
	product := 0
	for bit := 7; bit >= 0; bit-- {
		product = product<<1 ^ product>>7*field
		product ^= int(other>>bit&1) * int(one)
	}
	return byte(product)
}

// divisorOf is the generator polynomial of so many check bytes, without its first coefficient.
func divisorOf(degree int) []byte {
	result, root := make([]byte, degree), byte(1)
	result[degree-1] = 1
	for range result {
		for at := range result {
			result[at] = times(result[at], root)
			if at+1 < degree {
				result[at] ^= result[at+1]
			}
		}
		root = times(root, 2)
	}
	return result
}

func remainder(data, divisor []byte) []byte {
	result := make([]byte, len(divisor))
	for _, one := range data {
		factor := one ^ result[0]
		copy(result, result[1:])
		result[len(result)-1] = 0
		for at := range result {
			result[at] ^= times(divisor[at], factor)
		}
	}
	return result
}
