package command

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	indent       = "     "
	leastColumns = 20
	// closing are marks that no line begins with.
	closing = "\u3001\u3002\uff0c\uff1a\uff1b\uff09\u201d"
)

// width is the columns that text takes in a terminal: a Chinese character takes two.
func width(text string) int {
	columns := 0
	for _, r := range text {
		switch {
		case unicode.Is(unicode.Mn, r) && r >= 0x300:
		case isWide(r):
			columns += 2
		default:
			columns++
		}
	}
	return columns
}

func isWide(r rune) bool {
	return r >= 0x1100 && (r <= 0x115f || (0x2e80 <= r && r <= 0xa4cf && r != 0x303f) ||
		(0xac00 <= r && r <= 0xd7a3) || (0xf900 <= r && r <= 0xfaff) || (0xfe30 <= r && r <= 0xfe6f) ||
		(0xff01 <= r && r <= 0xff60) || (0xffe0 <= r && r <= 0xffe6) || (0x1f300 <= r && r <= 0x1f64f) ||
		(0x1f900 <= r && r <= 0x1f9ff) || (0x20000 <= r && r <= 0x3fffd))
}

// padded is text followed by blanks up to columns.
func padded(text string, columns int) string {
	if missing := columns - width(text); missing > 0 {
		text += strings.Repeat(" ", missing)
	}
	return text
}

// message is a line of a message ("[E]: …", or one indented below it), for a terminal so wide. What
// is indented further is to be pasted: it stays whole.
func message(line string, columns int) []string {
	if len(line) <= len(indent) || line[len(indent)] == ' ' || !isHead(line[:len(indent)]) {
		return []string{line}
	}
	head, text := line[:len(indent)], line[len(indent):]
	columns -= len(indent)
	if columns < leastColumns {
		columns = leastColumns
	}
	lines := wrapped(text, columns)
	for i := range lines {
		lines[i] = head + lines[i]
		head = indent
	}
	return lines
}

func isHead(text string) bool {
	return text == indent || (text[0] == '[' && strings.IndexByte("EN W", text[1]) >= 0 && text[2:] == "]: ")
}

// wrapped is text in lines of at most so many columns; what is in back quotes is not broken.
// Chinese may be broken between any two characters, but not before a closing mark.
func wrapped(text string, columns int) []string {
	lines := []string{""}
	for _, piece := range pieces(text) {
		last := &lines[len(lines)-1]
		if *last == "" || width(*last+strings.TrimRightFunc(piece, unicode.IsSpace)) <= columns {
			*last += piece
		} else {
			lines = append(lines, piece)
		}
	}
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return lines
}

// pieces are what must stay together: text in back quotes, a word, a wide character, and marks that
// close it; each with the blanks after it.
func pieces(text string) []string {
	var found []string
	for i := 0; i < len(text); {
		end := beginning(text, i)
		if end == i { // a blank, or a back quote without its other
			_, size := utf8.DecodeRuneInString(text[i:])
			i += size
			continue
		}
		for next := joined(text, end); next > end; next = joined(text, end) {
			end = next
		}
		rest := strings.TrimLeftFunc(text[end:], unicode.IsSpace)
		end = len(text) - len(rest)
		found = append(found, text[i:end])
		i = end
	}
	return found
}

func beginning(text string, i int) int {
	if end := quoted(text, i); end > i {
		return end
	}
	r, size := utf8.DecodeRuneInString(text[i:])
	if isBreakable(r) {
		return i + size
	}
	return joined(text, i)
}

// joined is where what belongs to the piece before i ends.
func joined(text string, i int) int {
	if end := quoted(text, i); end > i || i >= len(text) {
		return end
	}
	r, size := utf8.DecodeRuneInString(text[i:])
	if strings.ContainsRune(closing, r) || (r != '`' && !unicode.IsSpace(r) && !isBreakable(r)) {
		return i + size
	}
	return i
}

func quoted(text string, i int) int {
	if i < len(text) && text[i] == '`' {
		if end := strings.IndexByte(text[i+1:], '`'); end >= 0 {
			return i + 1 + end + 1
		}
	}
	return i
}

// isBreakable: a line may be broken before and after the character.
func isBreakable(r rune) bool { return (0x2e80 <= r && r <= 0x9fff) || (0xff01 <= r && r <= 0xff5e) }
