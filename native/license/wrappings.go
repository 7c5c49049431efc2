package license

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"hostseal/problem"
)

// What programs wrap a file in, and what was in it. Each way has a definite sign, and finds texts that
// may be the file, or be wrapped once more; parcel.go decides. A way that finds nothing gives the text
// as it is, or none.

const (
	// leastCharacters: no file with a token has fewer.
	leastCharacters = 100
	longestLink     = 2000
	oneBase64       = `[A-Za-z0-9+/_-]{100,}={0,2}`
)

var (
	longRun = &lazy{text: `[A-Za-z0-9+/]{57}`}
	tag     = &lazy{text: `(?i)<(/?(?:a|abbr|b|blockquote|body|br|center|code|dd|div|dl|dt|em|font|h[1-6]|head|hr|html|i` +
		`|img|kbd|li|mark|meta|ol|o:p|p|pre|s|samp|script|small|span|strong|style|sub|sup|table|tbody` +
		`|td|th|thead|title|tr|tt|u|ul|var|wbr|!doctype|!--|!\[cdata\[|\?xml))(?:[^A-Za-z0-9<>][^<>]*)?>`}
	inlineTag = &lazy{text: `(?i)^/?(?:a|abbr|b|code|em|font|i|img|kbd|mark|o:p|s|samp|small|span|strong|su[bp]|tt|u|var|wbr)$`}
	link      = &lazy{text: `<(?:https?://|mailto:)[^<>` + whites + `]+>`}
	// With its semicolon: the end of one that was torn apart would be taken for a character.
	entity = &lazy{text: `&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,12});`}
	// At least one backslash: what is a value in a value has several.
	escape = &lazy{text: `\\+(?:(u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|u\{[0-9A-Fa-f]{1,6}\})|([0-7]{3})|([rnt])|([^` +
		whites + `A-Za-z0-9\\]))`}
	fold         = &lazy{text: `\\+\r?\n[ \t]*(\\+ )?`}
	backticked   = &lazy{text: "`[rn]"}
	excelBreak   = &lazy{text: `(?m)_x000[AD]_` + blank + `*$`}
	wholeBase64  = &lazy{text: `^` + oneBase64 + `$`}
	anyBase64    = &lazy{text: oneBase64}
	base64Lines  = &lazy{text: `(?m)^(?:[A-Za-z0-9+/]{40,}` + blank + `*\n)+[A-Za-z0-9+/]+={0,2}`}
	percents     = &lazy{text: `(?:%[0-9A-Fa-f]{2})+`}
	octets       = &lazy{text: `(?:=[0-9A-F]{2})+`}
	misread      = &lazy{text: `(?:[\x{c2}-\x{f4}][\x{80}-\x{bf}€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]{1,3})+`}
	marksOfLines = &lazy{text: `(?m)^` + blank + `*[` + marks + `](?:[` + marks + `]|` + blank + `)*`}
	numbers      = &lazy{text: `\p{Nd}+`}
	prefix       = &lazy{text: `^[^\n]*[^\nA-Za-z0-9+/=_.-]`}
)

// A way is one that a file may be wrapped in.
type way struct {
	what problem.Reason
	undo func(string) []string
	// takesPart: it finds a small file in a large one; a large one is not looked at otherwise.
	takesPart bool
}

// ways are tried each on what the others find; what it undoes is named by the first.
var ways []way

func init() { // they refer to one another
	ways = []way{
		{problem.Because("zero bytes follow its last line"), withoutZeros, true},
		{wasInvisible, func(text string) []string { return []string{clean(text)} }, false},
		{wasTypographic, func(text string) []string { return []string{plain(text)} }, false},
		{aMail, fromMail, true},
		{problem.Because("it is an HTML page"), fromMarkup, true},
		{problem.Because("it is a JSON value"), fromJSON, true},
		{problem.Because(`its line breaks became the two characters \n`), fromEscapes, false},
		{problem.Because("it is encoded as base64"), fromBase64, true},
		{problem.Because("it is encoded for HTML"), func(text string) []string { return []string{unescaped(text)} }, false},
		{problem.Because("it is encoded for a URL"), fromPercents, false},
		{problem.Because("it is encoded as quoted-printable"), fromQuotedPrintable, false},
		{problem.Because("it was read in another encoding than it was written in"), fromMisread, false},
		{problem.Because("its lines are quoted"), withoutMarks, false},
		{wasFramed, withoutPrefixes, false},
		{problem.Because("it is a cell or a column of a spreadsheet"), fromCells, true},
	}
}

// mayHold tells whether a text shows a token, or something that may be one in base64: not a mere
// payload.
func mayHold(text string) bool {
	return beginsToken(bytesOf(text)) || longRun.get().MatchString(text) ||
		!isASCII(text) && beginsToken([]byte(plain(text)))
}

// isText tells whether data can be a text: not a picture, and no digests.
func isText(data []byte) bool {
	controls := 0
	for _, one := range data { // half of UTF-16, tabs, breaks, backspaces, escapes and the end of a file are text
		if one < ' ' && one != 0 && (one < 8 || one > 13) && one != 26 && one != 27 || one == 127 {
			controls++
		}
	}
	return controls <= len(data)/8
}

func withoutZeros(text string) []string { return []string{strings.TrimRight(text, "\x00")} }

// fromMarkup is what a page shows, a line where one may begin or end.
func fromMarkup(text string) []string {
	if !tag.get().MatchString(text) {
		return nil
	}
	text = link.get().ReplaceAllStringFunc(text, func(one string) string {
		if len(one) > longestLink {
			return one
		}
		return ""
	})
	for _, one := range tag.get().FindAllString(text, -1) {
		if beginsToken([]byte(one)) {
			return nil // a comment that holds a token: nothing is left behind
		}
	}
	return []string{unescaped(replaced(tag.get(), text, func(of []string) string {
		if inlineTag.get().MatchString(of[1]) {
			return ""
		}
		return "\n"
	}))}
}

// replaced is a text with what change makes of each match and its groups.
func replaced(pattern *regexp.Regexp, text string, change func([]string) string) string {
	var made strings.Builder
	last := 0
	for _, at := range pattern.FindAllStringSubmatchIndex(text, -1) {
		groups := make([]string, len(at)/2)
		for n := range groups {
			if at[2*n] >= 0 {
				groups[n] = text[at[2*n]:at[2*n+1]]
			}
		}
		made.WriteString(text[last:at[0]])
		made.WriteString(change(groups))
		last = at[1]
	}
	made.WriteString(text[last:])
	return made.String()
}

// unescaped is a text without one level of the entities of HTML and XML.
func unescaped(text string) string {
	return entity.get().ReplaceAllStringFunc(text, html.UnescapeString)
}

// fromJSON is each string of a value of JSON.
func fromJSON(text string) []string {
	if start := strings.TrimLeftFunc(text, isWhite); start == "" || !strings.ContainsRune(`{["`, rune(start[0])) {
		return nil
	}
	value, err := ParseJSON([]byte(text))
	if err != nil {
		return nil
	}
	var found []string
	for values := []any{value}; len(values) > 0; {
		one := values[len(values)-1]
		values = values[:len(values)-1]
		switch of := one.(type) {
		case string:
			if utf8.RuneCountInString(of) >= leastCharacters {
				found = append(found, of)
			}
		case []any:
			values = append(values, of...)
		case *Object:
			for _, name := range of.Names {
				values = append(values, of.values[name])
			}
		}
	}
	return found
}

// fromEscapes undoes escapes of a shell, JSON, Python, Markdown, PowerShell or Excel; YAML folds lines,
// too.
func fromEscapes(text string) []string {
	text = replaced(fold.get(), text, func(of []string) string {
		if of[1] != "" {
			return " "
		}
		return ""
	})
	text = replaced(escape.get(), text, func(of []string) string {
		switch {
		case of[1] != "":
			return character(strings.Trim(of[1][1:], "{}"), 16)
		case of[2] != "":
			return character(of[2], 8)
		case of[4] != "":
			return of[4]
		case of[3] == "t":
			return "\t"
		}
		return "\n"
	})
	return []string{excelBreak.get().ReplaceAllString(backticked.get().ReplaceAllString(text, "\n"), "")}
}

func character(digits string, base int) string {
	code, err := strconv.ParseUint(digits, base, 32)
	if err != nil || code > utf8.MaxRune {
		return noText
	}
	return string(rune(code))
}

// fromBase64: as a whole, in lines of its own, or as a value in a text: a Secret of Kubernetes.
func fromBase64(text string) []string {
	runs := []string{withoutWhite(text)}
	for _, lines := range base64Lines.get().FindAllString(text, -1) {
		runs = append(runs, withoutWhite(lines))
	}
	runs = append(runs, anyBase64.get().FindAllString(text, -1)...)
	runs = append(runs, anyBase64.get().FindAllString(withoutFolds(text), -1)...)
	var found []string
	seen := map[string]bool{}
	for _, run := range runs {
		if seen[run] || !wholeBase64.get().MatchString(run) {
			continue
		}
		seen[run] = true
		body := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(run, "="))
		if data, err := base64.RawStdEncoding.DecodeString(body); err == nil && isText(data) {
			found = append(found, decodings(data)...)
		}
	}
	return found
}

// withoutFolds is a text without the line breaks that blanks follow, and the blanks before and after;
// what follows another such break at once stays.
func withoutFolds(text string) string {
	var made strings.Builder
	for from, last := 0, 0; ; {
		at := strings.IndexByte(text[from:], '\n')
		if at < 0 {
			made.WriteString(text[last:])
			return made.String()
		}
		begin, end := from+at, from+at+1
		from = end
		for end < len(text) && isBlank(text[end]) {
			end++
		}
		if begin > last && text[begin-1] == '\r' {
			begin--
		}
		for begin > last && isBlank(text[begin-1]) {
			begin--
		}
		if begin > 0 && isBlank(text[begin-1]) && text[from-2] == '\r' {
			begin = from - 1
		}
		if end == from || begin > 0 && isBlank(text[begin-1]) {
			continue
		}
		made.WriteString(text[last:begin])
		from, last = end, end
	}
}

func isBlank(one byte) bool { return one == ' ' || one == '\t' }

func withoutWhite(text string) string {
	return strings.Map(func(one rune) rune {
		if isWhite(one) {
			return -1
		}
		return one
	}, text)
}

// fromPercents undoes one level of URL encoding (RFC 3986); blanks that became + need no undoing.
func fromPercents(text string) []string {
	return []string{percents.get().ReplaceAllStringFunc(text, func(run string) string {
		return inHexadecimal(strings.ReplaceAll(run, "%", ""))
	})}
}

// fromQuotedPrintable undoes one level of it (RFC 2045 section 6.7).
func fromQuotedPrintable(text string) []string {
	return []string{octets.get().ReplaceAllStringFunc(withoutSoftBreaks(text), func(run string) string {
		return inHexadecimal(strings.ReplaceAll(run, "=", ""))
	})}
}

func inHexadecimal(digits string) string {
	data, err := hex.DecodeString(digits)
	if err != nil {
		return digits
	}
	if text := string(data); utf8.ValidString(text) {
		return text
	}
	var made strings.Builder
	for _, one := range data {
		text, isText := fromWindows(string([]byte{one}))
		if !isText {
			text = noText
		}
		made.WriteString(text)
	}
	return made.String()
}

// fromMisread undoes that a program took UTF-8 for a code page of Windows.
func fromMisread(text string) []string {
	return []string{misread.get().ReplaceAllStringFunc(text, func(run string) string {
		var data []byte
		for _, one := range run {
			for n, of := range windows {
				if of != 0 && of == one {
					one = rune(0x80 + n)
					break
				}
			}
			data = append(data, byte(one))
		}
		if utf8.Valid(data) {
			return string(data)
		}
		return run
	})}
}

// withoutMarks is a text without quote marks, bullets and marks of comments at the beginnings of
// lines.
func withoutMarks(text string) []string {
	if len(marksOfLines.get().FindAllStringIndex(text, leastLines)) < leastLines {
		return nil
	}
	return []string{marksOfLines.get().ReplaceAllString(text, "")}
}

// withoutPrefixes is a text without what all lines begin with, but for its numbers: of a log, a chat, a
// listing.
func withoutPrefixes(text string) []string {
	first, last, count := "", "", 0
	for _, line := range strings.Split(text, "\n") {
		if strings.TrimFunc(line, isWhite) == "" {
			continue
		}
		begin := line
		if runes := []rune(line); len(runes) > leastCharacters {
			begin = string(runes[:leastCharacters])
		}
		shape := numbers.get().ReplaceAllString(strings.TrimLeftFunc(begin, isWhite), "0")
		if count == 0 || shape < first {
			first = shape
		}
		if shape > last {
			last = shape
		}
		count++
	}
	if count < leastLines {
		return nil
	}
	size := 0
	for size < len(first) && size < len(last) && first[size] == last[size] {
		size++
	}
	common := prefix.get().FindString(strings.ToValidUTF8(first[:size], ""))
	if common == "" {
		return nil
	}
	pattern := strings.ReplaceAll(regexp.QuoteMeta(common), "0", `\p{Nd}+`)
	return []string{regexp.MustCompile(`(?m)^`+blank+`*`+pattern).ReplaceAllString(text, "")}
}
