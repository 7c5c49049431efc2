package license

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"hostseal/problem"
)

// What mail, chat and editors do to the characters and lines of a text beyond what SPEC section 4.3
// asks every reader to undo, and how it is undone (section 6.6). None of it makes up a character: one
// that stands for another by Unicode's own table becomes that one, and what neither is in a token nor
// stands for a character of one goes away.

// A lazy pattern is compiled when a file needs it: hardly one does.
type lazy struct {
	text string
	once sync.Once
	made *regexp.Regexp
}

func (l *lazy) get() *regexp.Regexp {
	l.once.Do(func() { l.made = regexp.MustCompile(l.text) })
	return l.made
}

const (
	whites = `\t-\r\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}`
	blank  = `[\t\x0b-\r\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]`
	unseen = `[\x00\x{ad}\x{34f}\x{61c}\x{115f}\x{1160}\x{17b4}\x{17b5}\x{180b}-\x{180f}\x{200b}-\x{200f}` +
		`\x{202a}-\x{202e}\x{2060}-\x{206f}\x{2800}\x{3164}\x{fe00}-\x{fe0f}\x{feff}\x{ffa0}\x{fff9}-\x{fffc}` +
		`\x{e0000}-\x{e0fff}]`
	ofPart = `[A-Za-z0-9_.\x{2013}-\x{2015}-]`
	// marks are what a program may put before a line.
	marks = `>|:#*%+;/!$\x{b7}\x{bb}\x{203a}\x{2022}\x{2023}\x{2502}\x{2503}\x{258c}\x{25aa}\x{25cb}\x{25cf}\x{25e6}\x{ff1e}`
)

var (
	invisible = &lazy{text: unseen}
	changed   = &lazy{text: unseen + "|" + ofColours}
	// sign is all that is looked for: of tokens and markers, of what hides them and of what stands before
	// them.
	sign         = &lazy{text: unseen + `|[\x00-\x7f` + whites + `\x{2408}\x{241b}` + marks + `\x{2010}-\x{2015}\x{2212}]`}
	breaks       = &lazy{text: `\r\n?|[\x0b\x0c\x{85}\x{2028}\x{2029}]`}
	hyphens      = &lazy{text: `[\x{2010}-\x{2012}\x{2212}]`}
	dashes       = &lazy{text: `[\x{2013}-\x{2015}]`}
	escapedDash  = &lazy{text: `(?m)^- -`} // RFC 9580 section 7.2
	dots         = &lazy{text: `\.{2,}`}   // RFC 5321 section 4.5.2
	foreign      = &lazy{text: `[^A-Za-z0-9_.-]+`}
	ofToken      = &lazy{text: "^" + ofPart + "+"}
	hasPart      = &lazy{text: ofPart}
	kindsOfShape = &lazy{text: `(\p{Nd}+)|(` + blank + `+)|[^\p{Nd}` + whites + `]+`}
	// BEGIN and END lines, whatever became of their dashes, blanks and letters.
	looseMarker = &lazy{text: `(?i)(BEGIN|END)[_-]{0,9}LICENSE[_-]{0,9}(KEYSET|ROOTS|REVOCATIONS|REQUEST)?`}
)

const (
	longestAffix = 120
	longestLine  = 1000
	mostStarts   = 8
	leastLines   = 3
	// leastBody: a block has more characters between its markers than words about markers have.
	leastBody = 100
)

var (
	wasInvisible   = problem.Because("invisible characters were put into it")
	wasTypographic = problem.Because("plain characters were replaced with typographic ones")
	wasFramed      = problem.Because("something was put before or after each of its lines")
	wasRearranged  = problem.Because("its lines were changed, or it stands there more than once")
)

// repaired are the tokens of a text, and what had been done to it.
type repaired struct {
	found *ordered
	what  problem.Reason
}

// repair finds the sound tokens that a text shows once its characters and lines are put right, each
// once. nil where it shows none, one that begins is not sound, a block has none, or its dashes can be
// read in two ways.
func repair(text string) *repaired {
	cleaned := clean(text)
	plainly := plain(cleaned)
	if found := onlyReading(plainly, plainly); found != nil {
		return &repaired{found, whatWasDone(text, cleaned, plainly)}
	}
	unframed := withoutAffixes(plainly)
	if unframed == plainly {
		return nil
	}
	if found := onlyReading(unframed, plainly); found != nil {
		return &repaired{found, wasFramed}
	}
	return nil
}

func whatWasDone(text, cleaned, plainly string) problem.Reason {
	switch {
	case changed.get().MatchString(text):
		return wasInvisible
	case !isASCII(plainly) || plainly != cleaned:
		return wasTypographic
	}
	return wasRearranged
}

// clean is a text without colours and what no reader sees, and with LF for each line break.
func clean(text string) string {
	holdsToken := false
	for _, one := range colours.get().FindAllString(text, -1) {
		holdsToken = holdsToken || beginsToken([]byte(one))
	}
	if holdsToken { // nor is a token left behind that one of them holds
		text = overstruck(text)
	} else {
		text = asShown(text)
	}
	return breaks.get().ReplaceAllString(invisible.get().ReplaceAllString(text, ""), "\n")
}

// A compatibleRun are characters that NFKC writes with others.
type compatibleRun struct {
	first, last rune
	text        string
}

// plain is a text with what Unicode says for full-width forms, ligatures and the like (NFKC), where
// that could be of a file: words for people stay. A letter with a mark is another one.
func plain(text string) string {
	if isASCII(text) {
		return text
	}
	made := make([]byte, 0, len(text))
	for _, one := range text {
		if one < utf8.RuneSelf {
			made = append(made, byte(one))
			continue
		}
		if last := len(made) - 1; last >= 0 && made[last] != '-' && inBase64URL[made[last]] && unicode.Is(unicode.Mn, one) {
			made = utf8.AppendRune(made[:last], utf8.RuneError)
			continue
		}
		made = append(made, compatibleOf(one)...)
	}
	return string(made)
}

func compatibleOf(one rune) string {
	low, high := 0, len(compatible)
	for low < high {
		if middle := (low + high) / 2; compatible[middle].last < one {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low == len(compatible) || compatible[low].first > one {
		return string(one)
	}
	run := compatible[low]
	if run.first == run.last {
		return run.text
	}
	began, _ := utf8.DecodeRuneInString(run.text)
	return string(began + one - run.first)
}

// onlyReading are the tokens of a text; marked still has its markers. nil unless it allows one
// reading.
func onlyReading(text, marked string) *ordered {
	if !beginsToken(bytesOf(text)) {
		return nil
	}
	least := countedBlocks(marked)
	var only *ordered
	for _, reading := range withHyphens(escapedDash.get().ReplaceAllString(text, "-")) {
		bare := foreign.get().ReplaceAllString(reading, " ")
		found := scan(dots.get().ReplaceAllString(bare, "."))
		if found == nil || !found.hasAtLeast(least) {
			continue
		}
		found = found.once()
		if only != nil && !only.equals(found) {
			return nil
		}
		only = found
	}
	return only
}

func (o *ordered) hasAtLeast(least map[string]int) bool {
	for label, count := range least {
		if len(o.blocks[label]) < count {
			return false
		}
	}
	return true
}

func (o *ordered) equals(other *ordered) bool {
	return strings.Join(o.all(), "\n") == strings.Join(other.all(), "\n")
}

// all are the labels and tokens, one after the other.
func (o *ordered) all() []string {
	var made []string
	for _, label := range o.labels {
		made = append(append(made, label), o.blocks[label]...)
	}
	return made
}

// How many hyphens an en dash and an em dash stand for: a program has one rule for all of a text.
var hyphensOfEnAndEm = [...][2]string{
	{"-", "-"}, {"-", "--"}, {"--", "--"}, {"--", "---"}, {"--", "-"}, {"-", "---"},
}

func withHyphens(text string) []string {
	text = hyphens.get().ReplaceAllString(text, "-")
	if !dashes.get().MatchString(text) {
		return []string{text}
	}
	var made []string
	for _, of := range hyphensOfEnAndEm {
		made = append(made, strings.NewReplacer("\u2013", of[0], "\u2014", of[1], "\u2015", of[1]).Replace(text))
	}
	return made
}

// countedBlocks are how many blocks of each label a text has: as SPEC reads it, or by its BEGIN or
// END lines.
func countedBlocks(text string) map[string]int {
	counts := map[string]int{}
	if blocks, err := findBlocks(text); err == nil {
		for label, tokens := range blocks {
			if isKnownLabel(label) {
				counts[label] = len(tokens)
			}
		}
	}
	bare := foreign.get().ReplaceAllString(text, "")
	markers := looseMarker.get().FindAllStringSubmatchIndex(bare, -1)
	byWord := map[[2]string]int{}
	for n, marker := range markers {
		word := strings.ToUpper(bare[marker[2]:marker[3]])
		begin, end := 0, len(bare)
		if n > 0 {
			begin = markers[n-1][1]
		}
		if n+1 < len(markers) {
			end = markers[n+1][0]
		}
		body := marker[0] - begin
		if word == "BEGIN" {
			body = end - marker[1]
		}
		if body < leastBody {
			continue
		}
		label := LicenseLabel
		if marker[4] >= 0 {
			label += " " + strings.ToUpper(bare[marker[4]:marker[5]])
		}
		of := [2]string{label, word}
		byWord[of]++
		if byWord[of] > counts[label] {
			counts[label] = byWord[of]
		}
	}
	return counts
}

// withoutAffixes is a text without what stands before and after each line of a token: numbers, names,
// times.
func withoutAffixes(text string) string {
	var affixes []string
	seen := map[string]bool{}
	put := func(affix string) {
		if !seen[affix] {
			seen[affix] = true
			affixes = append(affixes, affix)
		}
	}
	for count, from := 0, 0; count < mostStarts; count++ {
		start, size := nextStart(text, from)
		if start < 0 {
			break
		}
		from = start + size
		before := text[strings.LastIndexByte(text[:start], '\n')+1 : start]
		line, _, isEnded := strings.Cut(text[start:], "\n")
		if utf8.RuneCountInString(line) >= longestLine {
			isEnded = false
		}
		after := ""
		if isEnded {
			after = ofToken.get().ReplaceAllString(line, "")
		}
		if isAffix(before) {
			put(`(?m)^` + blank + `*` + shapeOf(strings.TrimLeftFunc(before, isWhite)))
		}
		if isAffix(after) {
			put(`(?m)` + shapeOf(strings.TrimRightFunc(after, isWhite)) + blank + `*$`)
		}
	}
	for _, affix := range affixes {
		pattern := regexp.MustCompile(affix)
		if len(pattern.FindAllStringIndex(text, leastLines)) >= leastLines {
			text = pattern.ReplaceAllString(text, "")
		}
	}
	return text
}

// isAffix tells whether a text has characters that could be taken for those of a token.
func isAffix(text string) bool {
	return utf8.RuneCountInString(text) <= longestAffix && hasPart.get().MatchString(text)
}

// shapeOf is a pattern for a text with any numbers and any blanks in place of its own.
func shapeOf(text string) string {
	var made strings.Builder
	for _, piece := range kindsOfShape.get().FindAllStringSubmatchIndex(text, -1) {
		switch {
		case piece[2] >= 0:
			made.WriteString(`\p{Nd}+`)
		case piece[4] >= 0:
			made.WriteString(blank + `+`)
		default:
			made.WriteString(regexp.QuoteMeta(text[piece[0]:piece[1]]))
		}
	}
	return made.String()
}
