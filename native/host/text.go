package host

import (
	"strings"
	"unicode/utf8"
)

// isSpace tells what SPEC section 4.3 calls white space.
func isSpace(r rune) bool {
	switch {
	case '\t' <= r && r <= '\r', 0x1c <= r && r <= ' ', r == 0x85, r == 0xa0, r == 0x1680,
		0x2000 <= r && r <= 0x200a, r == 0x2028, r == 0x2029, r == 0x202f, r == 0x205f, r == 0x3000:
		return true
	}
	return false
}

// isASCIISpace tells what is white space in a hostname.
func isASCIISpace(r rune) bool { return r == ' ' || ('\t' <= r && r <= '\r') }

// words are what stands in text between white space.
func words(text string) []string { return strings.FieldsFunc(text, isSpace) }

// trimmed is text without the white space around it.
func trimmed(text string) string { return strings.TrimFunc(text, isSpace) }

// lines are those of text, without what ends them: all that Unicode lets end a line. What ends the
// text begins no line.
func lines(text string) []string {
	var found []string
	start := 0
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		end := at
		at += size
		switch {
		case r == '\r' && at < len(text) && text[at] == '\n':
			at++
		case '\n' <= r && r <= '\r', 0x1c <= r && r <= 0x1e, r == 0x85, r == 0x2028, r == 0x2029:
		default:
			continue
		}
		found = append(found, text[start:end])
		start = at
	}
	if start < len(text) {
		found = append(found, text[start:])
	}
	return found
}

// decoded is data as text. Each part of it that begins a character and does not go on as one is
// U+FFFD, as in the recommendation of Unicode.
func decoded(data []byte) string {
	if utf8.Valid(data) {
		return string(data)
	}
	var out strings.Builder
	for at := 0; at < len(data); {
		if _, size := utf8.DecodeRune(data[at:]); size > 1 || data[at] < utf8.RuneSelf {
			out.Write(data[at : at+size])
			at += size
			continue
		}
		out.WriteRune(utf8.RuneError)
		at += begun(data[at:])
	}
	return out.String()
}

// begun is how many of the first bytes of data may begin a character: 1, where not even two do.
func begun(data []byte) int {
	least, most, length := byte(0x80), byte(0xbf), 0
	switch first := data[0]; {
	case 0xc2 <= first && first <= 0xdf:
		length = 2
	case 0xe0 <= first && first <= 0xef:
		length = 3
	case 0xf0 <= first && first <= 0xf4:
		length = 4
	}
	switch data[0] {
	case 0xe0:
		least = 0xa0
	case 0xed:
		most = 0x9f
	case 0xf0:
		least = 0x90
	case 0xf4:
		most = 0x8f
	}
	at := 1
	for at < length && at < len(data) && least <= data[at] && data[at] <= most {
		least, most = 0x80, 0xbf
		at++
	}
	return at
}

// plain is data as ASCII: each other byte is U+FFFD.
func plain(data []byte) string {
	var out strings.Builder
	for _, b := range data {
		if b < utf8.RuneSelf {
			out.WriteByte(b)
		} else {
			out.WriteRune(utf8.RuneError)
		}
	}
	return out.String()
}

// escaped is data as text: a byte that is no UTF-8 is written as \xNN.
func escaped(data []byte) string {
	const digits = "0123456789abcdef"
	var out strings.Builder
	for at := 0; at < len(data); {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			out.WriteString(`\x`)
			out.WriteByte(digits[data[at]>>4])
			out.WriteByte(digits[data[at]&15])
		} else {
			out.Write(data[at : at+size])
		}
		at += size
	}
	return out.String()
}

// isAll tells whether text has characters, and no others than those that fit.
func isAll(text string, fits func(byte) bool) bool {
	for at := 0; at < len(text); at++ {
		if !fits(text[at]) {
			return false
		}
	}
	return text != ""
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// isHex tells whether b is a hexadecimal digit as SPEC section 2.1 has them.
func isHex(b byte) bool { return isDigit(b) || ('a' <= b && b <= 'f') }

// lower is text with the letters A to Z in lower case, and no other.
func lower(text string) string { return string(lowerBytes([]byte(text))) }

func lowerBytes(data []byte) []byte {
	found := append([]byte(nil), data...)
	for at, b := range found {
		if 'A' <= b && b <= 'Z' {
			found[at] = b + 'a' - 'A'
		}
	}
	return found
}
