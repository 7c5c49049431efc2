package place

import (
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"hostseal/problem"
)

// mostDeep is how many parts a dotted key may have, and how deep brackets may be nested.
const mostDeep = 8

// A tomlDate is a local date of TOML.
type tomlDate struct{ year, month, day int }

// tomlOther is a value of a kind that no setting has: a float, an instant, an array.
type tomlOther struct{}

type tomlTable map[string]any

// A toml reads a text of TOML 1.0, to its values: string, bool, *big.Int, tomlDate, tomlTable or
// tomlOther.
type toml struct {
	text string
	at   int
}

// A tomlNode is a table while it is read.
type tomlNode struct {
	values map[string]any // a *tomlNode for a table
	// isNamed: by a header of its own; isDotted: by a dotted key.
	isNamed, isDotted, isFixed bool
}

type tomlError struct{ what string }

// readTOML are the values in data, or why it is not TOML, for people.
func readTOML(data []byte) (values tomlTable, reason any) {
	// No text in UTF-8 has a zero byte, and one in UTF-16 that begins with ASCII has one here.
	text := string(data)
	if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") ||
		strings.Contains(text[:smaller(2, len(text))], "\x00") {
		return nil, "it is UTF-16; save it as UTF-8"
	}
	text = strings.TrimPrefix(text, "\xef\xbb\xbf")
	if !utf8.ValidString(text) {
		return nil, problem.Because("it is not TOML ({error})", "error", "it is not UTF-8")
	}
	if isTooDeep(text) {
		return nil, problem.Because("it is nested deeper than {most:# level|# levels}", "most", mostDeep)
	}
	t := &toml{text: strings.ReplaceAll(text, "\r\n", "\n")}
	defer func() {
		if wrong, ok := recover().(tomlError); ok {
			line := 1 + strings.Count(t.text[:smaller(t.at, len(t.text))], "\n")
			error := wrong.what + " (at line " + strconv.Itoa(line) + ")"
			values, reason = nil, problem.Because("it is not TOML ({error})", "error", error)
		}
	}()
	return t.document().table(), nil
}

func smaller(one, other int) int {
	if one < other {
		return one
	}
	return other
}

func (n *tomlNode) table() tomlTable {
	table := tomlTable{}
	for name, value := range n.values {
		if inner, ok := value.(*tomlNode); ok {
			value = inner.table()
		}
		table[name] = value
	}
	return table
}

func newNode() *tomlNode { return &tomlNode{values: map[string]any{}} }

// isTooDeep looks at dots and brackets outside of strings and comments, before anything is parsed.
func isTooDeep(text string) bool {
	dots, depth := 0, 0
	for i := 0; i < len(text); {
		switch c := text[i]; c {
		case '"', '\'', '#':
			i = opaqueEnd(text, i)
			continue
		case '.':
			if dots++; dots >= mostDeep {
				return true
			}
		case '=', ',', '\n', '{', '}', '[', ']':
			dots = 0
			if c == '[' || c == '{' {
				if depth++; depth > mostDeep {
					return true
				}
			} else if (c == ']' || c == '}') && depth > 0 {
				depth--
			}
		}
		i++
	}
	return false
}

// opaqueEnd is where a string or comment that begins at i ends; one without end goes to that of the
// line, or of the text.
func opaqueEnd(text string, i int) int {
	quote := text[i : i+1]
	long := strings.Repeat(quote, 3)
	if quote != "#" && strings.HasPrefix(text[i:], long) {
		for j := i + 3; j < len(text); j++ {
			if quote == `"` && text[j] == '\\' {
				j++
			} else if strings.HasPrefix(text[j:], long) {
				return j + 3
			}
		}
		return len(text)
	}
	for j := i + 1; j < len(text); j++ {
		switch {
		case text[j] == '\n':
			return j
		case quote == `"` && text[j] == '\\' && j+1 < len(text) && text[j+1] != '\n':
			j++
		case quote != "#" && text[j] == quote[0]:
			return j + 1
		}
	}
	return len(text)
}

func (t *toml) fail(what string) { panic(tomlError{what}) }

func (t *toml) peek() byte {
	if t.at < len(t.text) {
		return t.text[t.at]
	}
	return 0
}

func (t *toml) take(text string) bool {
	if strings.HasPrefix(t.text[t.at:], text) {
		t.at += len(text)
		return true
	}
	return false
}

func (t *toml) need(text string) {
	if !t.take(text) {
		t.fail("expected " + strconv.Quote(text))
	}
}

func (t *toml) blanks() {
	for t.peek() == ' ' || t.peek() == '\t' {
		t.at++
	}
}

// endOfLine passes over blanks and a comment, to the end of the line or of the text.
func (t *toml) endOfLine() {
	t.blanks()
	t.comment()
	if t.at < len(t.text) {
		t.need("\n")
	}
}

func (t *toml) comment() {
	if !t.take("#") {
		return
	}
	for t.at < len(t.text) && t.peek() != '\n' {
		t.plainCharacter()
	}
}

// plainCharacter passes over one that is no control character but a tab.
func (t *toml) plainCharacter() {
	if c := t.text[t.at]; (c < ' ' && c != '\t') || c == 0x7f {
		t.fail("a control character")
	}
	t.at++
}

func (t *toml) document() *tomlNode {
	root := newNode()
	table := root
	for t.at < len(t.text) {
		t.blanks()
		switch {
		case t.peek() == '\n' || t.peek() == '#' || t.at == len(t.text):
		case t.take("[["):
			table = t.element(root, t.key())
			t.need("]]")
		case t.take("["):
			table = t.header(root, t.key())
			t.need("]")
		default:
			t.pair(table)
		}
		t.endOfLine()
	}
	return root
}

func (t *toml) header(root *tomlNode, key []string) *tomlNode {
	table := t.down(root, key[:len(key)-1])
	last := key[len(key)-1]
	switch inner := table.values[last].(type) {
	case nil:
		made := newNode()
		made.isNamed = true
		table.values[last] = made
		return made
	case *tomlNode:
		if inner.isNamed || inner.isDotted || inner.isFixed {
			t.fail("a table twice")
		}
		inner.isNamed = true
		return inner
	}
	t.fail("a name twice")
	return nil
}

// element is a new table of the array of tables at key.
func (t *toml) element(root *tomlNode, key []string) *tomlNode {
	table := t.down(root, key[:len(key)-1])
	last := key[len(key)-1]
	made := newNode()
	made.isNamed = true
	switch array := table.values[last].(type) {
	case nil:
		table.values[last] = []*tomlNode{made}
	case []*tomlNode:
		table.values[last] = append(array, made)
	default:
		t.fail("a name twice")
	}
	return made
}

// down goes to the table at key, the last one of an array of tables; it makes what is missing.
func (t *toml) down(table *tomlNode, key []string) *tomlNode {
	for _, name := range key {
		switch inner := table.values[name].(type) {
		case nil:
			made := newNode()
			table.values[name] = made
			table = made
		case *tomlNode:
			if inner.isFixed {
				t.fail("an inline table is added to")
			}
			table = inner
		case []*tomlNode:
			table = inner[len(inner)-1]
		default:
			t.fail("a name twice")
		}
	}
	return table
}

func (t *toml) pair(table *tomlNode) {
	key := t.key()
	t.need("=")
	t.blanks()
	for _, name := range key[:len(key)-1] {
		switch inner := table.values[name].(type) {
		case nil:
			made := newNode()
			made.isDotted = true
			table.values[name] = made
			table = made
		case *tomlNode:
			if !inner.isDotted {
				t.fail("a table is added to")
			}
			table = inner
		default:
			t.fail("a name twice")
		}
	}
	last := key[len(key)-1]
	if _, isThere := table.values[last]; isThere {
		t.fail("a name twice")
	}
	table.values[last] = t.value()
}

func (t *toml) key() []string {
	var parts []string
	for {
		t.blanks()
		parts = append(parts, t.part())
		t.blanks()
		if !t.take(".") {
			return parts
		}
	}
}

func (t *toml) part() string {
	switch t.peek() {
	case '"':
		t.at++
		return t.basic(`"`)
	case '\'':
		t.at++
		return t.literal("'")
	}
	start := t.at
	for isBare(t.peek()) {
		t.at++
	}
	if start == t.at {
		t.fail("a name is missing")
	}
	return t.text[start:t.at]
}

func isBare(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

func (t *toml) value() any {
	switch {
	case t.take(`"""`):
		t.take("\n")
		return t.basic(`"""`)
	case t.take("'''"):
		t.take("\n")
		return t.literal("'''")
	case t.take(`"`):
		return t.basic(`"`)
	case t.take("'"):
		return t.literal("'")
	case t.take("["):
		return t.array()
	case t.take("{"):
		return t.inline()
	}
	start := t.at
	for isBare(t.peek()) || strings.IndexByte("+.:", t.peek()) >= 0 && t.peek() != 0 {
		t.at++
	}
	if len(t.text[start:t.at]) == 10 && t.peek() == ' ' && t.at+1 < len(t.text) && isDigit(t.text[t.at+1]) {
		if _, err := time.Parse("2006-01-02", t.text[start:t.at]); err == nil { // a time comes after it
			for t.at++; isBare(t.peek()) || strings.IndexByte("+.:", t.peek()) >= 0 && t.peek() != 0; t.at++ {
			}
		}
	}
	return t.scalar(t.text[start:t.at])
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func (t *toml) scalar(word string) any {
	switch word {
	case "true":
		return true
	case "false":
		return false
	case "inf", "+inf", "-inf", "nan", "+nan", "-nan":
		return tomlOther{}
	}
	if number := wholeNumber(word); number != nil {
		return number
	}
	if day, err := time.Parse("2006-01-02", word); err == nil {
		return tomlDate{day.Year(), int(day.Month()), day.Day()}
	}
	if isFloat(word) || isTime(word) {
		return tomlOther{}
	}
	t.fail("an invalid value")
	return nil
}

func wholeNumber(word string) *big.Int {
	base, digits := 10, word
	for prefix, of := range map[string]int{"0x": 16, "0o": 8, "0b": 2} {
		if strings.HasPrefix(word, prefix) {
			base, digits = of, word[2:]
		}
	}
	if base == 10 {
		digits = strings.TrimLeft(word, "+-")
		if len(word)-len(digits) > 1 || (len(digits) > 1 && digits[0] == '0') {
			return nil
		}
	}
	if !underscored(digits) || len(digits) > 4300 {
		return nil
	}
	number, ok := new(big.Int).SetString(strings.ReplaceAll(digits, "_", ""), base)
	if !ok {
		return nil
	}
	if word[0] == '-' {
		number.Neg(number)
	}
	return number
}

// underscored: each underscore stands between two digits.
func underscored(digits string) bool {
	return digits != "" && digits[0] != '+' && digits[0] != '-' &&
		!strings.HasPrefix(digits, "_") && !strings.HasSuffix(digits, "_") && !strings.Contains(digits, "__")
}

func isFloat(word string) bool {
	digits := strings.TrimLeft(word, "+-")
	if len(word)-len(digits) > 1 || digits == "" {
		return false
	}
	mantissa, exponent, hasExponent := strings.Cut(strings.ToLower(digits), "e")
	whole, fraction, hasFraction := strings.Cut(mantissa, ".")
	exponent = strings.TrimPrefix(strings.TrimPrefix(exponent, "+"), "-")
	isOf := func(text string) bool {
		return underscored(text) && strings.Trim(text, "0123456789_") == ""
	}
	return (hasExponent || hasFraction) && isOf(whole) && (len(whole) == 1 || whole[0] != '0') &&
		(!hasFraction || isOf(fraction)) && (!hasExponent || isOf(exponent))
}

func isTime(word string) bool {
	word = strings.ToUpper(word)
	if len(word) > 10 && word[10] == ' ' {
		word = word[:10] + "T" + word[11:]
	}
	for _, layout := range []string{"15:04:05", "2006-01-02T15:04:05", "2006-01-02T15:04:05Z07:00"} {
		if _, err := time.Parse(layout, word); err == nil {
			return true
		}
	}
	return false
}

func (t *toml) lines() {
	for {
		t.blanks()
		t.comment()
		if !t.take("\n") {
			return
		}
	}
}

func (t *toml) array() any {
	for {
		t.lines()
		if t.take("]") {
			return tomlOther{}
		}
		t.value()
		t.lines()
		if !t.take(",") {
			t.need("]")
			return tomlOther{}
		}
	}
}

func (t *toml) inline() any {
	table := newNode()
	defer fix(table)
	t.blanks()
	if t.take("}") {
		return table
	}
	for {
		t.pair(table)
		t.blanks()
		if !t.take(",") {
			t.need("}")
			return table
		}
	}
}

// fix lets nothing be added to a table and those within.
func fix(table *tomlNode) {
	table.isFixed, table.isDotted = true, false
	for _, value := range table.values {
		if inner, ok := value.(*tomlNode); ok {
			fix(inner)
		}
	}
}

// literal is a string without escapes, to its closing quotes.
func (t *toml) literal(quotes string) string {
	start := t.at
	for {
		if t.take(quotes) {
			for extra := 0; extra < 2 && len(quotes) == 3 && t.take("'"); extra++ {
			}
			return t.text[start : t.at-len(quotes)]
		}
		t.stringCharacter(len(quotes) == 3)
	}
}

func (t *toml) stringCharacter(isLong bool) {
	if t.at >= len(t.text) {
		t.fail("a string without end")
	}
	if isLong && t.peek() == '\n' {
		t.at++
		return
	}
	t.plainCharacter()
}

// basic is a string with escapes, to its closing quotes.
func (t *toml) basic(quotes string) string {
	isLong := len(quotes) == 3
	var out strings.Builder
	for {
		if t.take(quotes) {
			for extra := 0; extra < 2 && isLong && t.take(`"`); extra++ {
				out.WriteByte('"')
			}
			return out.String()
		}
		if t.take(`\`) {
			t.escape(&out, isLong)
			continue
		}
		start := t.at
		t.stringCharacter(isLong)
		out.WriteString(t.text[start:t.at])
	}
}

func (t *toml) escape(out *strings.Builder, isLong bool) {
	c := t.peek()
	if at := strings.IndexByte(`btnfr"\`, c); at >= 0 && c != 0 {
		out.WriteByte("\b\t\n\f\r\"\\"[at])
		t.at++
		return
	}
	if c == 'u' || c == 'U' {
		length := map[byte]int{'u': 4, 'U': 8}[c]
		t.at++
		end := smaller(t.at+length, len(t.text))
		code, err := strconv.ParseUint(t.text[t.at:end], 16, 32)
		if err != nil || end-t.at < length || !utf8.ValidRune(rune(code)) || code > 0x10ffff {
			t.fail("an invalid escape")
		}
		t.at = end
		out.WriteRune(rune(code))
		return
	}
	if isLong { // an end of line that is escaped takes the blanks after it along
		start := t.at
		t.blanks()
		if t.take("\n") {
			for c := t.peek(); c == ' ' || c == '\t' || c == '\n'; c = t.peek() {
				t.at++
			}
			return
		}
		t.at = start
	}
	t.fail("an invalid escape")
}
