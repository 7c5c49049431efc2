package license

import (
	"encoding/hex"
	"strings"
)

// mend is a text without quoted-printable, quote marks, what nobody sees, and smart dashes: step 4 of
// SPEC section 4.3.
func mend(text string) string {
	text = withoutEscapes(withoutSoftBreaks(text))
	return strings.Map(func(one rune) rune {
		switch {
		case one == '>' || one == '|':
			return ' '
		case isInvisible(one):
			return -1
		case '\u2010' <= one && one <= '\u2013' || isFullDash(one):
			return '-'
		}
		return one
	}, text)
}

func isInvisible(one rune) bool {
	switch one {
	case 0, '\u00ad', '\ufeff':
		return true
	}
	return '\u200b' <= one && one <= '\u200f' || '\u202a' <= one && one <= '\u202e' ||
		'\u2060' <= one && one <= '\u2069'
}

// withoutSoftBreaks removes each = at the end of a line, with the break and the blanks between.
func withoutSoftBreaks(text string) string {
	var made strings.Builder
	for {
		before, rest, found := strings.Cut(text, "=")
		made.WriteString(before)
		if !found {
			return made.String()
		}
		switch after := strings.TrimLeft(rest, " \t"); {
		case strings.HasPrefix(after, "\r\n"):
			text = after[2:]
		case strings.HasPrefix(after, "\r"), strings.HasPrefix(after, "\n"):
			text = after[1:]
		default:
			made.WriteByte('=')
			text = rest
		}
	}
}

// withoutEscapes replaces each run of =XX with the text of its bytes.
func withoutEscapes(text string) string {
	var made strings.Builder
	for {
		before, rest, found := strings.Cut(text, "=")
		made.WriteString(before)
		if !found {
			return made.String()
		}
		run, size := escapesOf(text[len(before):])
		if size == 0 {
			made.WriteByte('=')
			text = rest
			continue
		}
		made.WriteString(strings.ToValidUTF8(run, noText))
		text = text[len(before)+size:]
	}
}

// escapesOf is what the run of =XX stands for that text begins with, and the size of the run.
func escapesOf(text string) (run string, size int) {
	var octets []byte
	for size+3 <= len(text) && text[size] == '=' {
		octet, err := hex.DecodeString(text[size+1 : size+3])
		if err != nil {
			break
		}
		octets = append(octets, octet...)
		size += 3
	}
	return string(octets), size
}
