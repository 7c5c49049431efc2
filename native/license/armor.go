package license

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"hostseal/problem"
)

// The labels of blocks.
const (
	LicenseLabel     = "LICENSE"
	KeysetLabel      = "LICENSE KEYSET"
	RootsLabel       = "LICENSE ROOTS"
	RevocationsLabel = "LICENSE REVOCATIONS"
	RequestLabel     = "LICENSE REQUEST"
	ReturnLabel      = "LICENSE RETURN"
)

const (
	// MaxFile is the most bytes that a file with a licence may have, MaxList one with a list.
	MaxFile = 64 << 10
	MaxList = 16 << 20
	// MaxMended is the most bytes of a file that is mended; a longer one is no mail.
	MaxMended = 1 << 20

	columns    = 64
	mostDashes = 5
	noText     = "\ufffd"
)

// Blocks are tokens by the label of their block, in the order in which they stand.
type Blocks map[string][]string

// Wrap is the block of a token. No line begins with a dot, which SMTP doubles.
func Wrap(label, token string) string {
	var text strings.Builder
	text.WriteString("-----BEGIN " + label + "-----\n")
	for token != "" {
		end := columns
		if end >= len(token) {
			end = len(token)
		} else if token[end] == '.' {
			end--
		}
		text.WriteString(token[:end] + "\n")
		token = token[end:]
	}
	text.WriteString("-----END " + label + "-----\n")
	return text.String()
}

// Unwrap finds the tokens in a file (SPEC section 4.3). A token is free of white space, but not yet
// known to be one; where a long dash may stand for one hyphen or two, see Readings.
func Unwrap(data []byte) (Blocks, error) {
	return unwrapText(decode(data), len(data) <= MaxMended)
}

// UnwrapPasted finds the tokens in a text that was pasted.
func UnwrapPasted(text string) (Blocks, error) {
	return unwrapText(text, true)
}

func unwrapText(text string, isMail bool) (Blocks, error) {
	blocks, err := findBlocks(text)
	if !isMail || err == nil && len(blocks) > 0 && areTokens(blocks) {
		return blocks, err
	}
	return findBlocks(mend(text))
}

// Readings are what a token may have been: a long dash stands for one hyphen, or for two.
func Readings(token string) []string {
	if isASCII(token) {
		return []string{token}
	}
	one := strings.NewReplacer("\u2014", "-", "\u2015", "-")
	two := strings.NewReplacer("\u2014", "--", "\u2015", "--")
	return []string{one.Replace(token), two.Replace(token)}
}

func isASCII(text string) bool {
	for at := 0; at < len(text); at++ {
		if text[at] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func areTokens(blocks Blocks) bool {
	for _, tokens := range blocks {
		for _, token := range tokens {
			if !consistsOf(token, &inToken) {
				return false
			}
		}
	}
	return true
}

// decode is the text of data; what is no text becomes U+FFFD, which no token has.
func decode(data []byte) string {
	little, big := binary.ByteOrder(binary.LittleEndian), binary.ByteOrder(binary.BigEndian)
	switch {
	case len(data) >= 2 && data[0] == 0xFF && data[1] == 0xFE:
		return decodeUTF16(data[2:], little)
	case len(data) >= 2 && data[0] == 0xFE && data[1] == 0xFF:
		return decodeUTF16(data[2:], big)
	}
	var zeros [2]int
	for at, one := range data {
		if one == 0 {
			zeros[at%2]++
		}
	}
	switch even, odd := zeros[0], zeros[1]; {
	case even > odd && even > len(data)/8:
		return decodeUTF16(data, big)
	case odd > len(data)/8:
		return decodeUTF16(data, little)
	}
	return strings.ToValidUTF8(textOf(data), noText)
}

func decodeUTF16(data []byte, order binary.ByteOrder) string {
	units := make([]uint16, len(data)/2)
	for at := range units {
		units[at] = order.Uint16(data[2*at:])
	}
	text := string(utf16.Decode(units))
	if len(data)%2 != 0 {
		text += noText
	}
	return text
}

// A marker is a BEGIN or END line; start and end are where its dashes are.
type marker struct {
	word, label string
	start, end  int
}

// findBlocks finds the markers and pairs them: steps 2 and 3 of SPEC section 4.3.
func findBlocks(text string) (Blocks, error) {
	blocks := Blocks{}
	begun, isBegun, end := "", false, 0
	for at := 0; ; {
		found, next := findMarker(text, at, end)
		if next < 0 {
			break
		}
		at = next
		switch {
		case found == nil: // no dash is before it
			continue
		case found.word == "BEGIN" && isBegun:
			return nil, unmatched("BEGIN", begun)
		case found.word == "BEGIN":
			begun, isBegun = found.label, true
		case !isBegun || begun != found.label:
			return nil, unmatched("END", found.label)
		default:
			blocks[begun] = append(blocks[begun], tokenOf(text[end:found.start]))
			isBegun = false
		}
		end = found.end
	}
	if isBegun {
		return nil, unmatched("BEGIN", begun)
	}
	return blocks, nil
}

func unmatched(word, label string) error {
	if word == "BEGIN" {
		return problem.Because("BEGIN {label} has no matching END", "label", label)
	}
	return problem.Because("END {label} has no matching BEGIN", "label", label)
}

// findMarker is the first marker whose word stands at or after from, and where to go on; nil where
// that one has no dash before it, and next is negative where there is none. What is before end
// belongs to the marker before.
func findMarker(text string, from, end int) (found *marker, next int) {
	for at := from; ; at++ {
		word := ""
		at, word = findWord(text, at)
		if word == "" {
			return nil, -1
		}
		label, stop := restOfMarker(text, at+len(word))
		if stop < 0 {
			continue
		}
		last := len(strings.TrimRightFunc(text[end:at], isWhite)) + end
		if first := startOfDashes(text, end, last); first < last {
			return &marker{word, label, first, stop}, stop
		}
		return nil, stop
	}
}

func findWord(text string, from int) (at int, word string) {
	for at = from; at < len(text); at++ {
		// Both words have an N, and most texts have few: the rest is passed over quickly.
		step := strings.IndexByte(text[at:], 'N')
		if step < 0 {
			break
		}
		at += step
		if at-4 >= from && text[at-4:at] == "BEGI" {
			return at - 4, "BEGIN"
		}
		if at-1 >= from && text[at-1] == 'E' && strings.HasPrefix(text[at:], "ND") {
			return at - 1, "END"
		}
	}
	return 0, ""
}

// restOfMarker reads on behind the word of a marker: its label, and where its dashes end. A
// negative stop: it is none.
func restOfMarker(text string, at int) (label string, stop int) {
	start := skipWhite(text, at)
	if start == at || !strings.HasPrefix(text[start:], "LICENSE") {
		return "", -1
	}
	label = "LICENSE"
	at = start + len(label)
	next := skipWhite(text, at)
	end := next
	for end < len(text) && 'A' <= text[end] && text[end] <= 'Z' {
		end++
	}
	if end > next && next > at {
		label += " " + text[next:end]
		next = skipWhite(text, end)
	}
	stop = next
	for count := 0; count < mostDashes; count++ {
		dash, size := utf8.DecodeRuneInString(text[stop:])
		if !isDash(dash) {
			break
		}
		stop += size
	}
	if stop == next {
		return "", -1
	}
	return label, stop
}

// startOfDashes is where the dashes begin that end at last, five at most.
func startOfDashes(text string, end, last int) int {
	for count := 0; count < mostDashes; count++ {
		dash, size := utf8.DecodeLastRuneInString(text[end:last])
		if !isDash(dash) {
			break
		}
		last -= size
	}
	return last
}

func skipWhite(text string, at int) int {
	return len(text) - len(strings.TrimLeftFunc(text[at:], isWhite))
}

func isDash(one rune) bool {
	return one == '-' || '\u2010' <= one && one <= '\u2015' || isFullDash(one)
}

// isFullDash tells of the dashes that stand for one hyphen, and are not beside the others.
func isFullDash(one rune) bool {
	return one == '\u2212' || one == '\ufe58' || one == '\ufe63' || one == '\uff0d'
}

// isWhite is the white space of SPEC section 4.3.
func isWhite(one rune) bool {
	switch {
	case one <= ' ':
		return one == ' ' || '\t' <= one && one <= '\r' || '\x1c' <= one
	case one < '\u1680':
		return one == '\u0085' || one == '\u00a0'
	}
	switch one {
	case '\u1680', '\u2028', '\u2029', '\u202f', '\u205f', '\u3000':
		return true
	}
	return '\u2000' <= one && one <= '\u200a'
}

// tokenOf is what stands in a block, without white space, and with U+FFFD once for several.
func tokenOf(text string) string {
	var token strings.Builder
	token.Grow(len(text))
	isLost := false
	for text != "" {
		// A line is mostly characters of a token.
		end := 0
		for end < len(text) && inToken[text[end]] {
			end++
		}
		if end > 0 {
			token.WriteString(text[:end])
			text, isLost = text[end:], false
			continue
		}
		one, size := utf8.DecodeRuneInString(text)
		if !isWhite(one) && !(isLost && one == utf8.RuneError) {
			token.WriteString(text[:size])
			isLost = one == utf8.RuneError
		}
		text = text[size:]
	}
	return token.String()
}
