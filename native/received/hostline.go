package received

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"hostseal/host"
	"hostseal/license"
)

const (
	digitsOfKey = 40
	// letters are those of check codes: no digit of a key, no vowel, nothing that is read as another.
	letters = "ghjkmnpqrstvwxyz"

	// containerName is how many digits a container's hostname has, where nobody chose one.
	containerName   = 12
	longestWord     = 7
	longestNumber   = 15
	telephoneNumber = 10
	mostElements    = 3
	longestName     = 200
	longestQuoted   = 2000
	longestElement  = 80

	pieces = `[0-9a-fA-F]{1,39}(?:\s+[0-9a-fA-F]{1,39}){1,3}`
	white  = " \t\n"
)

// The pieces of a key in quotes, or in the brackets of its line; what must follow is the last group.
var (
	inPieces = regexp.MustCompile(`(?:"|[\[:] ?"\s+)(` + pieces + `)("|\s+"[,;\])}])` +
		`|\[(` + pieces + `)(,[^\[\]]{0,300}\])`)
	notPrinted = regexp.MustCompile("[\\x00-\\x1f\\x7f-\u00a0\u00ad\u061c\u1680\u180e\u2000-\u200f" +
		"\u2028-\u202f\u205f-\u206f\u3000\ue000-\uf8ff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff" +
		"\\x{e0000}-\\x{10ffff}]")
	letterOrDigit = regexp.MustCompile("[0-9A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u1fff" +
		"\u2c00-\u2dff\u2e80-\u2fff\u3040-\ufdff\ufe70-\ufeff\\x{10000}-\\x{1efff}" +
		"\\x{1fb00}-\\x{10ffff}]")
	plainName     = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._-]*$`)
	hasLetter     = regexp.MustCompile(`[A-Za-z]`)
	hasMore       = regexp.MustCompile(`[0-9_-]`)
	lineEnds      = regexp.MustCompile(`^ *(?:[\t\n",;()\[\]{}]|$)`)
	bracketCloses = regexp.MustCompile(`^ *[\])}]`)
	unicodeEscape = regexp.MustCompile(`\\+[uU]([0-9a-fA-F]{4})`)
	checkElement  = anyCase("check") + `\s+[` + letters + strings.ToUpper(letters) + `]{6}`
	checkAlone    = regexp.MustCompile(`^\s*` + checkElement + `\s*$`)
	plainElement  = regexp.MustCompile(`^(?:` + anyCase("hk1-") + `(?:` + anyCase("host") + `|` + anyCase("cluster") + `|` +
		anyCase("site") + `)|` + checkElement + `)`)
)

const (
	longer   = "its 40 digits are next to more digits, so they may be part of a longer number"
	broken   = "its 40 digits are in pieces that may not belong together"
	capitals = "40 digits in groups of capitals may be the fingerprint of a PGP key"
)

// A hostLine is a host key line, as it was read; its name and check code are empty where there is
// none.
type hostLine struct{ key, name, profile, check string }

// fits tells whether the check code, where there is one, is that of the rest.
func (l *hostLine) fits() bool {
	return l.check == "" || l.check == checkOf(l.key, l.name, l.profile)
}

// checkOf are the six letters that tell one wrong character, or two that were swapped.
func checkOf(key, name, profile string) string {
	const base, prime = 1_000_003, 1<<24 - 3
	sum := int64(0)
	for _, one := range key + "\n" + name + "\n" + profile {
		sum = (sum*base + int64(one)) % prime
	}
	code := make([]byte, 0, 6)
	for bits := 20; bits >= 0; bits -= 4 {
		code = append(code, letters[sum>>bits&15])
	}
	return string(code)
}

// A word is one of digits: where it stands in the text.
type word struct{ start, end int }

// reader reads the lines in a text that is undamaged.
type reader struct{ text string }

// readLines are the lines in a text, keys that may be a part of something longer, and why digits
// that could make a key were not taken for one.
func readLines(text string) (found []hostLine, doubtful []string, doubt string) {
	r := reader{joined(undamaged(text))}
	for _, run := range r.runs() {
		var whole []word
		sum := 0
		for _, one := range run {
			sum += one.end - one.start
			if one.end-one.start == digitsOfKey {
				whole = append(whole, one)
			}
		}
		refused := r.refusalOfGroups(run, sum)
		if whole != nil {
			refused = r.refusalOfWhole(run)
		}
		switch {
		case refused != "":
			doubt = refused
			for _, one := range whole {
				doubtful = append(doubtful, lower(r.of(one)))
			}
		case whole != nil:
			for _, one := range whole {
				found = append(found, r.line(r.of(one), one.end))
			}
		case sum == digitsOfKey:
			found = append(found, r.line(strings.Join(r.all(run), ""), run[len(run)-1].end))
		}
	}
	return found, doubtful, doubt
}

// joined has the pieces of a key, in quotes or in the brackets of its line, as one.
func joined(text string) string {
	var made strings.Builder
	for {
		found := inPieces.FindStringSubmatchIndex(text)
		if found == nil {
			made.WriteString(text)
			return made.String()
		}
		start, end := found[2], found[3]
		if start < 0 {
			start, end = found[6], found[7]
		}
		digits := withoutWhite(text[start:end])
		if len(digits) != digitsOfKey {
			digits = text[start:end]
		}
		made.WriteString(text[:start] + digits)
		text = text[end:]
	}
}

func withoutWhite(text string) string {
	return strings.Join(strings.FieldsFunc(text, isWhite), "")
}

func isWhite(one rune) bool { return strings.ContainsRune(white, one) }

func (r *reader) of(one word) string { return r.text[one.start:one.end] }

func (r *reader) all(run []word) []string {
	texts := make([]string, len(run))
	for at, one := range run {
		texts[at] = r.of(one)
	}
	return texts
}

func (r *reader) gap(before, after word) string { return r.text[before.end:after.start] }

// runs are the words of digits that have nothing but white space between them.
func (r *reader) runs() [][]word {
	var runs [][]word
	var run []word
	for _, one := range r.words() {
		if run != nil && strings.Trim(r.gap(run[len(run)-1], one), white) != "" {
			runs = append(runs, run)
			run = nil
		}
		run = append(run, one)
	}
	if run != nil {
		runs = append(runs, run)
	}
	return runs
}

func (r *reader) words() []word {
	const least = 4
	var words []word
	for at := 0; at < len(r.text); {
		if !isHexByte(r.text[at]) {
			at++
			continue
		}
		one := word{start: at}
		for at < len(r.text) && isHexByte(r.text[at]) {
			at++
		}
		one.end = at
		if size := one.end - one.start; size >= least && r.isWord(one, size) {
			words = append(words, one)
		}
	}
	return words
}

// isWord: one that a letter, a digit or a hyphen touches is a part of something else, and so may be
// one after an equals sign that is none of a label. One of another length than a key is a part of a
// word in another script, where that touches it.
func (r *reader) isWord(one word, size int) bool {
	before, width := utf8.DecodeLastRuneInString(r.text[:one.start])
	after, _ := utf8.DecodeRuneInString(r.text[one.end:])
	if width == 0 {
		before = ' '
	}
	if one.end == len(r.text) {
		after = ' '
	}
	if isPart(before) || before == '/' || before == '%' || isPart(after) {
		return false
	}
	if before == '=' && !isLabel(r.text[:one.start-1]) {
		return false
	}
	return size == digitsOfKey || before < utf8.RuneSelf && after < utf8.RuneSelf
}

// isLabel tells whether a label may end so, before its equals sign.
func isLabel(text string) bool {
	last, width := utf8.DecodeLastRuneInString(text)
	if width == 0 || last < utf8.RuneSelf && !isLetter(last) {
		return false
	}
	size := len(text)
	return size < 3 || text[size-3] != '=' || !isHexByte(text[size-2]) || !isHexByte(text[size-1])
}

// refusalOfWhole is why the words of 40 digits in a run may be a part of something longer.
func (r *reader) refusalOfWhole(run []word) string {
	named := -1
	for at := 1; at < len(run); at++ {
		former, one := r.of(run[at-1]), r.of(run[at])
		isKey, wasKey := len(one) == digitsOfKey, len(former) == digitsOfKey
		if wasKey && len(one) == containerName {
			named = at
			continue
		}
		other, which := one, at
		if isKey {
			other, which = former, at-1
		}
		if isKey != wasKey && which != named && !isApart(other, r.gap(run[at-1], run[at]), wasKey) {
			return longer
		}
	}
	return ""
}

// isApart tells whether a word beside a key is something of its own: a word, a date, a telephone
// number. The digits that 192 bits have more than a key are 8, those of 224 bits 16, of 256 bits 24.
func isApart(one, gap string, isAfter bool) bool {
	if isDecimal(one) {
		isShort := !strings.Contains(gap, "\n") && (!isAfter || len(one) <= longestWord)
		return (isShort || len(one) >= telephoneNumber) && len(one) <= longestNumber
	}
	return !strings.ContainsAny(one, "0123456789") && len(one) <= longestWord
}

// refusalOfGroups is why the words in a run, where they have 40 digits together, are no key in groups.
func (r *reader) refusalOfGroups(run []word, sum int) string {
	if sum != digitsOfKey {
		return ""
	}
	words := r.all(run)
	digits := strings.Join(words, "")
	hasLower, hasUpper := strings.ContainsAny(digits, "abcdef"), strings.ContainsAny(digits, "ABCDEF")
	if hasUpper && !hasLower {
		return capitals
	}
	former, last := words[:len(words)-1], words[len(words)-1]
	isEven := len(former) > 1
	for _, one := range former {
		isEven = isEven && len(one) == len(words[0])
	}
	if len(last) != len(words[0]) {
		isEven = isEven && len(last) < len(words[0]) && !isDecimal(last)
	}
	// A key has digits of both sorts; numbers and words have one.
	isKey := isEven && hasLower && !hasUpper && strings.ContainsAny(digits, "0123456789")
	if isKey && r.isEvenlySpaced(run) {
		return ""
	}
	return broken
}

// isEvenlySpaced tells whether the same is between all groups of a line, and as many on each line.
func (r *reader) isEvenlySpaced(run []word) bool {
	lines := []int{1}
	between := map[string]bool{}
	for at := 1; at < len(run); at++ {
		if gap := r.gap(run[at-1], run[at]); strings.Contains(gap, "\n") {
			lines = append(lines, 1)
		} else {
			lines[len(lines)-1]++
			between[gap] = true
		}
	}
	for _, count := range lines {
		if count != lines[0] {
			return false
		}
	}
	return len(between) <= 1
}

// line is that of the key which ends at a place in the text.
func (r *reader) line(digits string, end int) hostLine {
	for strings.HasPrefix(r.text[end:], "_") { // emphasis
		end++
	}
	name, at := r.nameAfter(end)
	line := hostLine{lower(digits), name, host.DefaultProfile, ""}
	for count := 0; count < mostElements; count++ {
		one := ""
		one, at = r.element(at)
		if isProfile(one) {
			line.profile = one
		} else if isCheck(one) {
			line.check = one[len("check"):]
		}
	}
	return line
}

func isProfile(text string) bool { return host.ComponentsOf(text) != nil }

func isCheck(text string) bool { return strings.HasPrefix(text, "check") && text != "check" }

// skip is behind what a text has of these characters from a place on.
func (r *reader) skip(at int, characters string) int {
	return len(r.text) - len(strings.TrimLeft(r.text[at:], characters))
}

func (r *reader) skipComma(at int) int {
	if at < len(r.text) && (r.text[at] == ',' || r.text[at] == ';') {
		return at + 1
	}
	return at
}

// quoted is what stands in quotes from a place on, of at most so many characters, and where its
// closing quote is; a negative end: it is none.
func (r *reader) quoted(at, most int) (text string, end int) {
	start := r.skip(at, `"`)
	size := strings.IndexByte(r.text[start:], '"')
	if start == at || size <= 0 || utf8.RuneCountInString(r.text[start:start+size]) > most {
		return "", -1
	}
	return r.text[start : start+size], start + size
}

// element is the profile, the check or another word in quotes that is next, and where it ends.
func (r *reader) element(at int) (string, int) {
	first := r.skip(at, `"`+white)
	behind := r.skipComma(first)
	if behind > first {
		if text, end := r.quoted(r.skip(behind, white), longestElement); end >= 0 {
			return lower(withoutWhite(text)), end + 1
		}
	}
	start := r.skip(behind, `"`+white)
	text := plainElement.FindString(r.text[start:])
	end := start + len(text)
	if next := r.text[end:]; text == "" || next != "" && (isPart(rune(next[0])) || next[0] == '_') {
		return "", at
	}
	return lower(withoutWhite(text)), end
}

// nameAfter is the name that follows a key, and where what follows the name begins.
func (r *reader) nameAfter(end int) (string, int) {
	gapEnd := r.skip(r.skipComma(r.skip(end, `"`+white)), white)
	gap := r.text[end:gapEnd]
	hasComma := strings.ContainsAny(gap, ",;")
	isFar := !hasComma && strings.Count(gap, "\n") > 1
	if quoted, stop := r.quoted(gapEnd, longestQuoted); stop >= 0 {
		next := r.text[stop+1:]
		if next != "" && strings.IndexByte(white+`"\,;()[]{}`, next[0]) < 0 {
			return "", end
		}
		if isFar || checkAlone.MatchString(quoted) {
			return "", end
		}
		return hostname(quoted), stop + 1
	}
	plain := r.plainAt(gapEnd)
	stop := gapEnd + len(plain)
	switch {
	case plain == "" || isFar:
		return "", end
	case lower(plain) == "null":
		return "", stop
	case r.isBeforeElement(plain, stop) || r.isHostname(plain, gap, stop):
		return hostname(plain), stop
	}
	return "", end
}

// plainAt are the characters of a word from a place on, as many as a name may have.
func (r *reader) plainAt(at int) string {
	rest := r.text[at:]
	count := 0
	for end, one := range rest {
		if count == longestQuoted || strings.ContainsRune(white+`",;()[]{}`, one) {
			return rest[:end]
		}
		count++
	}
	return rest
}

func (r *reader) isBeforeElement(plain string, end int) bool {
	one, _ := r.element(end)
	word := lower(plain)
	return word != "check" && !isProfile(word) && (isProfile(one) && one != host.DefaultProfile || isCheck(one))
}

// isHostname tells whether an unquoted word is a hostname, and no word of a sentence, number or key.
func (r *reader) isHostname(plain, gap string, end int) bool {
	rest := r.text[end:]
	if !plainName.MatchString(plain) || !hasLetter.MatchString(plain) || len(plain) == digitsOfKey {
		return false
	}
	if !strings.HasSuffix(plain, ".") && !lineEnds.MatchString(rest) {
		return false
	}
	return strings.Contains(gap, "\t") || bracketCloses.MatchString(rest) || hasMore.MatchString(plain)
}

// hostname is a name as hk1 has it; empty for what cannot be one.
func hostname(quoted string) string {
	name := unicodeEscape.ReplaceAllString(withoutWhite(quoted), `\u$1`)
	if strings.Contains(name, `\`) {
		value, err := license.ParseJSON([]byte(`"` + name + `"`))
		if errors.Is(err, license.ErrLoneSurrogate) {
			return ""
		}
		if err == nil { // else a backslash in a name is a backslash
			name = value.(string)
		}
	}
	name = strings.TrimRight(lower(name), ".")
	if characters := []rune(name); len(characters) > longestName {
		name = string(characters[:longestName])
	}
	if !letterOrDigit.MatchString(name) || notPrinted.MatchString(name) {
		return ""
	}
	return name
}

// lower is a text with A to Z in lower case, and no other letter.
func lower(text string) string {
	return strings.Map(func(one rune) rune {
		if 'A' <= one && one <= 'Z' {
			return one + 'a' - 'A'
		}
		return one
	}, text)
}

func isLetter(one rune) bool { return 'a' <= one && one <= 'z' || 'A' <= one && one <= 'Z' }

// isPart tells of characters that make a word of digits a part of another one.
func isPart(one rune) bool { return isLetter(one) || '0' <= one && one <= '9' || one == '-' }

func isHexByte(one byte) bool { return isHex(rune(one)) }

func isHex(one rune) bool {
	return '0' <= one && one <= '9' || 'a' <= one && one <= 'f' || 'A' <= one && one <= 'F'
}

func isDecimal(text string) bool { return strings.Trim(text, "0123456789") == "" }
