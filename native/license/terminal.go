package license

import (
	"strings"
	"unicode/utf8"
)

// What terminals and printers obey: colours, links, and characters over one another (ECMA-48), as the
// characters themselves and as `cat -v` and editors show them.

const ofColours = `(?:\x1b|\^\[|\x{241b})(?:\[[0-9;:?]{0,40}[A-Za-z]|\][^\x07\x1b\n]*(?:\x07|\x1b\\))`

const longestTitle = 2000

var (
	colours         = &lazy{text: ofColours}
	shownBackspaces = strings.NewReplacer("^H", "\b", "\u2408", "\b")
)

// asShown is a text without colours and links, and as it is read.
func asShown(text string) string {
	return overstruck(colours.get().ReplaceAllStringFunc(text, func(one string) string {
		if utf8.RuneCountInString(one) > longestTitle {
			return one
		}
		return ""
	}))
}

// overstruck is a text as it is read: a backspace goes back by one, and what follows takes that
// place. An underscore takes no letter's place: it underlines.
func overstruck(text string) string {
	text = shownBackspaces.Replace(text)
	if !strings.Contains(text, "\b") {
		return text
	}
	cells, begun, at := make([]rune, 0, len(text)), 0, 0 // begun: where the line begins
	for _, one := range text {
		switch {
		case one == '\n':
			cells = append(cells, one)
			begun, at = len(cells), len(cells)
			continue
		case one == '\b':
			if at > begun {
				at--
			}
			continue
		case at == len(cells):
			cells = append(cells, one)
		case one != '_' || cells[at] == ' ':
			cells[at] = one
		}
		at++
	}
	return string(cells)
}
