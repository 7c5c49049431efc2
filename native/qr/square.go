package qr

import "strings"

// A square has the modules of a symbol; those that are no data are fixed.
type square struct {
	version, size int
	dark, isFixed [][]bool
}

type place struct{ x, y int }

func newSquare(version int) *square {
	s := &square{version: version, size: 17 + 4*version}
	for at := 0; at < s.size; at++ {
		s.dark = append(s.dark, make([]bool, s.size))
		s.isFixed = append(s.isFixed, make([]bool, s.size))
	}
	s.draw()
	return s
}

func (s *square) set(x, y int, dark bool) { s.dark[y][x], s.isFixed[y][x] = dark, true }

// draw sets all that is fixed; the format differs by mask, and is light here.
func (s *square) draw() {
	for at := 0; at < s.size; at++ {
		s.set(6, at, at%2 == 0)
		s.set(at, 6, at%2 == 0)
	}
	for _, middle := range []place{{3, 3}, {s.size - 4, 3}, {3, s.size - 4}} {
		s.ring(middle, 4, 2)
	}
	places := s.places()
	for _, x := range places {
		for _, y := range places {
			last := s.size - 7
			if !(x == 6 && y == 6 || x == 6 && y == last || x == last && y == 6) {
				s.ring(place{x, y}, 2, 1)
			}
		}
	}
	for at := 0; at < 15; at++ {
		for _, one := range s.formatPlaces(at) {
			s.set(one.x, one.y, false)
		}
	}
	s.set(8, s.size-8, true)
	if s.version > 6 {
		bits := s.version<<12 | checked(s.version, versionCheck, 12)
		for at := 0; at < 18; at++ {
			a, b := s.size-11+at%3, at/3
			s.set(a, b, bits>>at&1 == 1)
			s.set(b, a, bits>>at&1 == 1)
		}
	}
}

// ring draws rings around a middle; the one that is so far out, and the outermost of a finder, is light.
func (s *square) ring(middle place, radius, light int) {
	for dy := -radius; dy <= radius; dy++ {
		for dx := -radius; dx <= radius; dx++ {
			x, y := middle.x+dx, middle.y+dy
			if 0 <= x && x < s.size && 0 <= y && y < s.size {
				far := abs(dx)
				if abs(dy) > far {
					far = abs(dy)
				}
				s.set(x, y, far != light && far != 4)
			}
		}
	}
}

func abs(number int) int {
	if number < 0 {
		return -number
	}
	return number
}

// places are where the middles of the alignment patterns are.
func (s *square) places() []int {
	if s.version == 1 {
		return nil
	}
	count := s.version/7 + 2
	step := (s.version*8 + count*3 + 5) / (count*4 - 4) * 2
	all := []int{6}
	for at := count - 2; at >= 0; at-- {
		all = append(all, s.size-7-step*at)
	}
	return all
}

// formatPlaces are the two of a bit of the format.
func (s *square) formatPlaces(at int) [2]place {
	var first place
	switch {
	case at < 6:
		first = place{8, at}
	case at < 8:
		first = place{8, at + 1}
	case at == 8:
		first = place{7, 8}
	default:
		first = place{14 - at, 8}
	}
	if at < 8 {
		return [2]place{first, {s.size - 1 - at, 8}}
	}
	return [2]place{first, {8, s.size - 15 + at}}
}

// fill puts the data in, column by column from the right.
func (s *square) fill(codewords []byte) *square {
	next, upwards := 0, true
	for right := s.size - 1; right > 0; right -= 2 {
		if right == 6 { // the timing pattern
			right--
		}
		for step := 0; step < s.size; step++ {
			y := step
			if upwards {
				y = s.size - 1 - step
			}
			for x := right; x > right-2; x-- {
				if !s.isFixed[y][x] {
					s.dark[y][x] = next/8 < len(codewords) && codewords[next/8]>>(7-next%8)&1 == 1
					next++
				}
			}
		}
		upwards = !upwards
	}
	return s
}

// masked are the rows under a mask, with their format.
func (s *square) masked(mask, sign int) []string {
	rows := make([][]byte, s.size)
	for y := range rows {
		rows[y] = make([]byte, s.size)
		for x := range rows[y] {
			dark := s.dark[y][x]
			if !s.isFixed[y][x] && masks[mask](x, y) == 0 {
				dark = !dark
			}
			rows[y][x] = digit(dark)
		}
	}
	bits := sign<<3 | mask
	bits = (bits<<10 | checked(bits, formatCheck, 10)) ^ formatMask
	for at := 0; at < 15; at++ {
		for _, one := range s.formatPlaces(at) {
			rows[one.y][one.x] = digit(bits>>at&1 == 1)
		}
	}
	texts := make([]string, s.size)
	for at, row := range rows {
		texts[at] = string(row)
	}
	return texts
}

func digit(dark bool) byte {
	if dark {
		return '1'
	}
	return '0'
}

// checked are the check bits of a value.
func checked(value, divisor, bits int) int {
	value <<= bits
	for top := 30; top >= bits; top-- {
		if value>>top&1 == 1 {
			value ^= divisor << (top - bits)
		}
	}
	return value
}

// penalty is how hard a symbol is to read: by runs, squares, false finders, and its share of dark.
func penalty(rows []string) int {
	size, score, dark := len(rows), 0, 0
	for at := 0; at < size; at++ {
		column := make([]byte, size)
		for y, row := range rows {
			column[y] = row[at]
		}
		score += ofLine(rows[at]) + ofLine(string(column))
		dark += strings.Count(rows[at], "1")
	}
	for y := 0; y+1 < size; y++ {
		upper, lower := rows[y], rows[y+1]
		for x := 0; x+1 < size; x++ {
			if upper[x] == upper[x+1] && upper[x] == lower[x] && upper[x] == lower[x+1] {
				score += 3
			}
		}
	}
	return score + 10*(abs(dark*20-size*size*10)/(size*size))
}

func ofLine(line string) int {
	score, run := 0, 0
	for at := range line {
		if at > 0 && line[at] == line[at-1] {
			run++
		} else {
			run = 1
		}
		if run == 5 {
			score += 3
		} else if run > 5 {
			score++
		}
		for _, one := range finders {
			if strings.HasPrefix(line[at:], one) {
				score += 40
			}
		}
	}
	return score
}
