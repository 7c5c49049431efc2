package problem

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// mostShown is how many characters of a fact are put into words: as many as a path may have.
const mostShown = 4096

// blank are letters and symbols that nobody sees.
const blank = "\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"

// selectors choose a form of the character before them, and are not seen themselves.
const selectors = "\u034f\u180b\u180c\u180d\u180f"

// word is a fact as a template takes it.
func word(name string, value any, translate Translate) any {
	if value == nil {
		return translate("unknown")
	}
	if number, ok := Integer(value); ok {
		if strings.HasSuffix(name, "_at") {
			return UTC(number)
		}
		return number
	}
	text := plain(value)
	if reason, ok := value.(Reason); ok {
		text = reason.Say(translate)
	} else if name == "reason" || name == "what" || name == "found" {
		text = translate(text)
	}
	if len(text) > mostShown {
		if runes := []rune(text); len(runes) > mostShown {
			text = string(runes[:mostShown]) + "…"
		}
	}
	return Printable(text)
}

// UTC is an instant in seconds, as "2026-11-23 16:00:00 UTC".
func UTC(instant int64) string {
	return time.Unix(instant, 0).UTC().Format("2006-01-02 15:04:05 UTC")
}

// Printable is text on one line, with nothing in it that is not seen or passes for something else:
// such characters are written as \uXXXX or \UXXXXXXXX, and so is a backslash before u or U. A byte
// that is not UTF-8 is \udcXX, as Python has it in the names of files.
func Printable(text string) string {
	isBlank := true
	for _, r := range text {
		if r != ' ' && isSeen(r) {
			isBlank = false
			break
		}
	}
	var out strings.Builder
	sits := false // whether there is something that a mark can sit on
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&out, `\udc%02x`, text[i])
			sits = false
			i++
			continue
		}
		var hides bool
		switch r {
		case '\\':
			hides = i+1 < len(text) && (text[i+1] == 'u' || text[i+1] == 'U')
		case ' ':
			hides = isBlank
		default:
			hides = !isSeen(r) || (!sits && unicode.In(r, unicode.Mn, unicode.Me))
		}
		sits = !hides && r != ' '
		switch {
		case !hides:
			out.WriteString(text[i : i+size])
		case r < 0x10000:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			fmt.Fprintf(&out, `\U%08x`, r)
		}
		i += size
	}
	return out.String()
}

func isSeen(r rune) bool {
	isSelector := strings.ContainsRune(selectors, r) || (0xfe00 <= r && r <= 0xfe0f) ||
		(0xe0100 <= r && r <= 0xe01ef)
	return unicode.IsPrint(r) && !strings.ContainsRune(blank, r) && !isSelector
}
