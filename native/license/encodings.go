package license

import (
	"encoding/binary"
	"sort"
	"strings"
	"unicode/utf8"
)

// decodings are the texts that data may be: UTF-8, else whatever it shows signs of.
func decodings(data []byte) []string {
	text := strings.TrimRight(string(data), "\x00")
	var zeros [2]int
	for at := 0; at < len(text); at++ {
		if text[at] == 0 {
			zeros[at%2]++
		}
	}
	little, big := binary.ByteOrder(binary.LittleEndian), binary.ByteOrder(binary.BigEndian)
	switch {
	case strings.HasPrefix(text, "\xff\xfe\x00\x00"):
		return []string{decodeUTF32([]byte(text[4:]), little)}
	case strings.HasPrefix(text, "\x00\x00\xfe\xff"):
		return []string{decodeUTF32([]byte(text[4:]), big)}
	case strings.HasPrefix(text, "\xff\xfe"):
		return []string{decodeUTF16([]byte(text[2:]), little)}
	case strings.HasPrefix(text, "\xfe\xff"):
		return []string{decodeUTF16([]byte(text[2:]), big)}
	case zeros[0]+zeros[1] > len(text)/8:
		order := little
		if zeros[0] > zeros[1] {
			order = big
		}
		return append([]string{decodeUTF16([]byte(text), order)}, inPages(text)...)
	}
	return inPages(text)
}

func decodeUTF32(data []byte, order binary.ByteOrder) string {
	var made strings.Builder
	for ; len(data) >= 4; data = data[4:] {
		if code := order.Uint32(data); code <= utf8.MaxRune {
			made.WriteRune(rune(code))
		} else {
			made.WriteRune(utf8.RuneError)
		}
	}
	if len(data) > 0 {
		made.WriteRune(utf8.RuneError)
	}
	return made.String()
}

// inPages is UTF-8, else all code pages that data may be in: letters of one are signs of another. All
// but the first are guesses: words in them would be others.
func inPages(data string) []string {
	if utf8.ValidString(data) {
		return []string{strings.TrimPrefix(data, "\ufeff")}
	}
	var texts []string
	for _, page := range pages {
		text, isText := page(data)
		for _, other := range texts {
			isText = isText && text != other
		}
		if isText {
			texts = append(texts, text)
		}
	}
	return texts
}

var pages = [...]func(string) (string, bool){
	fromWindows,
	codePage{inGB18030, pairsOfGB18030[:], ofFour}.read,
	codePage{inBig5, pairsOfBig5[:], ofNone}.read,
	codePage{inShiftJIS, pairsOfShiftJIS[:], ofKatakana}.read,
	fromMac,
}

// windows are the characters of the code page 1252 from 0x80 to 0x9F; 0: there is none.
var windows = [...]rune{
	'€', 0, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0, 'Ž', 0,
	0, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0, 'ž', 'Ÿ',
}

// fromWindows is a text in the code page 1252.
func fromWindows(data string) (text string, isText bool) {
	var made strings.Builder
	for _, one := range []byte(data) {
		of := rune(one)
		if 0x80 <= one && one < 0xA0 {
			if of = windows[one-0x80]; of == 0 {
				return "", false
			}
		}
		made.WriteRune(of)
	}
	return made.String(), true
}

func fromMac(data string) (text string, isText bool) {
	var made strings.Builder
	for _, one := range []byte(data) {
		if one < utf8.RuneSelf {
			made.WriteByte(one)
		} else {
			made.WriteRune(orNoText(macintosh[one-utf8.RuneSelf]))
		}
	}
	return made.String(), true
}

// orNoText is a character that could be of a file, or hide in one; U+FFFD for any other.
func orNoText(one rune) rune {
	if text := string(one); sign.get().MatchString(text) || compatibleOf(one) != text {
		return one
	}
	return utf8.RuneError
}

// A codePage is one whose characters beyond ASCII have two bytes, or others; those of two bytes that
// could be of a file are known. Of the others it says the size: 0, there is none.
type codePage struct {
	known  map[uint16]rune
	pairs  [][2]uint16
	others func(data string) (one rune, size int)
}

func (c codePage) read(data string) (text string, isText bool) {
	var made strings.Builder
	for data != "" {
		one, size := rune(data[0]), 1
		if data[0] >= utf8.RuneSelf {
			if one, size = c.pair(data); size == 0 {
				one, size = c.others(data)
			}
		}
		if size == 0 {
			return "", false
		}
		made.WriteRune(one)
		data = data[size:]
	}
	return made.String(), true
}

func (c codePage) pair(data string) (one rune, size int) {
	if len(data) < 2 {
		return 0, 0
	}
	code := uint16(data[0])<<8 | uint16(data[1])
	at := sort.Search(len(c.pairs), func(n int) bool { return c.pairs[n][1] >= code })
	if at == len(c.pairs) || code < c.pairs[at][0] {
		return 0, 0
	}
	if one = c.known[code]; one == 0 {
		one = utf8.RuneError
	}
	return one, 2
}

func ofNone(string) (one rune, size int) { return 0, 0 }

// ofKatakana is the character of one byte in Shift JIS: none could be of a file.
func ofKatakana(data string) (one rune, size int) {
	if 0xA1 <= data[0] && data[0] <= 0xDF {
		return utf8.RuneError, 1
	}
	return 0, 0
}

// A numberedRun are characters that follow one another, and so do their numbers.
type numberedRun struct {
	first, last int
	text        rune
}

// ofFour is the character of four bytes in GB 18030. Those beyond the basic plane follow one another.
func ofFour(data string) (one rune, size int) {
	const leadOfPlanes = 0x90
	if len(data) < 4 || !isLead(data[0]) || !isDigit(data[1]) || !isLead(data[2]) || !isDigit(data[3]) {
		return 0, 0
	}
	first, planes := int(data[0]-0x81), data[0] >= leadOfPlanes
	if planes {
		first = int(data[0] - leadOfPlanes)
	}
	number := ((first*10+int(data[1]-'0'))*126+int(data[2]-0x81))*10 + int(data[3]-'0')
	if planes {
		if one = rune(0x10000 + number); one > utf8.MaxRune {
			return 0, 0
		}
		return orNoText(one), 4
	}
	for _, run := range ofFourBytes {
		if run.first <= number && number <= run.last {
			return orNoText(run.text + rune(number-run.first)), 4
		}
	}
	return 0, 0
}

func isLead(one byte) bool { return 0x81 <= one && one <= 0xFE }
