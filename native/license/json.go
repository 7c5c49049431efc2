package license

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"hostseal/problem"
)

const (
	maxDepth  = 8
	maxDigits = 4300
	// white is the white space of JSON.
	white = " \t\n\r"
)

// ErrLoneSurrogate is of a text that is JSON but for an escaped surrogate without its partner.
var ErrLoneSurrogate = errors.New("it contains a lone surrogate")

// An Object is a JSON object: names in the order in which they stand, each once.
type Object struct {
	Names  []string
	values map[string]any
}

// NewObject is an object of names and values in turn; a nil value is left out.
func NewObject(namesAndValues ...any) *Object {
	made := &Object{values: map[string]any{}}
	for at := 0; at < len(namesAndValues); at += 2 {
		if value := namesAndValues[at+1]; value != nil {
			made.put(namesAndValues[at].(string), value)
		}
	}
	return made
}

// Get is the value of a name, and whether there is one.
func (o *Object) Get(name string) (any, bool) {
	value, ok := o.values[name]
	return value, ok
}

func (o *Object) put(name string, value any) bool {
	if _, twice := o.values[name]; twice {
		return false
	}
	o.Names = append(o.Names, name)
	o.values[name] = value
	return true
}

// A Number is a JSON number as it is written.
type Number string

// ParseJSON is the value of strict JSON (SPEC section 2.3): an *Object, a []any, a string, a Number,
// a bool or nil.
func ParseJSON(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("it is not UTF-8")
	}
	reader := jsonReader{text: strings.Trim(textOf(data), white)}
	value := reader.value(1)
	if reader.err == nil && reader.at < len(reader.text) {
		reader.notJSON("extra data")
	}
	if reader.err == nil && reader.hasLoneSurrogate {
		reader.err = ErrLoneSurrogate
	}
	if reader.err != nil {
		return nil, reader.err
	}
	return value, nil
}

// jsonReader goes through a text once. After an error it reads on nowhere.
type jsonReader struct {
	text             string
	at               int
	err              error
	hasLoneSurrogate bool
}

func (r *jsonReader) refuse(template string, namesAndValues ...any) {
	if r.err == nil {
		r.err = problem.Because(template, namesAndValues...)
	}
}

func (r *jsonReader) notJSON(reason string) {
	at := utf8.RuneCountInString(r.text[:r.at])
	if reason == "no value" || reason == "extra data" {
		r.refuse("it is not JSON ("+reason+" at character {at})", "at", at)
		return
	}
	r.refuse("it is not JSON ({reason} at character {at})", "reason", reason, "at", at)
}

func (r *jsonReader) skipSpace() {
	for r.at < len(r.text) && strings.IndexByte(white, r.text[r.at]) >= 0 {
		r.at++
	}
}

// next is the byte at hand; 0 at the end, where a text has none that counts.
func (r *jsonReader) next() byte {
	if r.err != nil || r.at >= len(r.text) {
		return 0
	}
	return r.text[r.at]
}

func (r *jsonReader) takes(one byte) bool {
	if r.next() != one {
		return false
	}
	r.at++
	return true
}

func (r *jsonReader) value(depth int) any {
	switch one := r.next(); {
	case one == '{' || one == '[':
		if depth > maxDepth {
			r.refuse("it is nested deeper than {most:# level|# levels}", "most", maxDepth)
			return nil
		}
		r.at++
		if one == '{' {
			return r.object(depth)
		}
		return r.array(depth)
	case one == '"':
		r.at++
		return r.string()
	case one == '-' || isDigit(one):
		return r.number()
	}
	for _, word := range []struct {
		text  string
		value any
	}{{"true", true}, {"false", false}, {"null", nil}} {
		if r.err == nil && strings.HasPrefix(r.text[r.at:], word.text) {
			r.at += len(word.text)
			return word.value
		}
	}
	for _, constant := range []string{"NaN", "Infinity"} {
		if r.err == nil && strings.HasPrefix(r.text[r.at:], constant) {
			r.refuse("{name} is not JSON", "name", constant)
		}
	}
	r.notJSON("no value")
	return nil
}

func (r *jsonReader) object(depth int) any {
	object := NewObject()
	r.skipSpace()
	if r.takes('}') {
		return object
	}
	for r.err == nil {
		if !r.takes('"') {
			r.notJSON("Expecting property name enclosed in double quotes")
			break
		}
		name := r.string()
		r.skipSpace()
		if !r.takes(':') {
			r.notJSON("Expecting ':' delimiter")
			break
		}
		r.skipSpace()
		value := r.value(depth + 1)
		if r.err == nil && !object.put(name, value) {
			r.refuse("the name {name!r} appears twice in one object", "name", name)
		}
		r.skipSpace()
		if r.takes('}') {
			break
		}
		if !r.takes(',') {
			r.notJSON("Expecting ',' delimiter")
		}
		r.skipSpace()
	}
	return object
}

func (r *jsonReader) array(depth int) any {
	array := []any{}
	r.skipSpace()
	if r.takes(']') {
		return array
	}
	for r.err == nil {
		array = append(array, r.value(depth+1))
		r.skipSpace()
		if r.takes(']') {
			break
		}
		if !r.takes(',') {
			r.notJSON("Expecting ',' delimiter")
		}
		r.skipSpace()
	}
	return array
}

func (r *jsonReader) number() any {
	start := r.at
	r.takes('-')
	first := r.at
	if !r.takes('0') {
		r.digits()
	}
	if r.at == first {
		r.at = start
		if strings.HasPrefix(r.text[r.at:], "-Infinity") {
			r.refuse("{name} is not JSON", "name", "-Infinity")
		}
		r.notJSON("no value")
		return nil
	}
	whole := r.at
	if r.next() == '.' {
		r.at++
		if r.digits() == 0 {
			r.at = whole
		}
	}
	if end := r.at; r.next() == 'e' || r.next() == 'E' {
		r.at++
		if !r.takes('+') {
			r.takes('-')
		}
		if r.digits() == 0 {
			r.at = end
		}
	}
	if r.at == whole && whole-first > maxDigits {
		r.refuse("an integer has more than {most:# digit|# digits}", "most", maxDigits)
	}
	return Number(r.text[start:r.at])
}

func (r *jsonReader) digits() int {
	start := r.at
	for isDigit(r.next()) {
		r.at++
	}
	return r.at - start
}

func isDigit(one byte) bool { return '0' <= one && one <= '9' }

// string reads on behind a quote. What has no escapes is a part of the text itself.
func (r *jsonReader) string() string {
	start := r.at
	for r.at < len(r.text) {
		switch one := r.text[r.at]; {
		case one == '"':
			r.at++
			return r.text[start : r.at-1]
		case one == '\\':
			return r.escaped(start)
		case one < ' ':
			r.notJSON("Invalid control character at")
			return ""
		}
		r.at++
	}
	r.at = start - 1
	r.notJSON("Unterminated string starting at")
	return ""
}

func (r *jsonReader) escaped(start int) string {
	var made strings.Builder
	made.WriteString(r.text[start:r.at])
	for r.at < len(r.text) {
		one := r.text[r.at]
		switch {
		case one == '"':
			r.at++
			return made.String()
		case one < ' ':
			r.notJSON("Invalid control character at")
			return ""
		case one != '\\':
			made.WriteByte(one)
			r.at++
		case !r.escape(&made):
			return ""
		}
	}
	r.at = start - 1
	r.notJSON("Unterminated string starting at")
	return ""
}

func (r *jsonReader) escape(made *strings.Builder) bool {
	rest := r.text[r.at+1:]
	if rest == "" {
		r.at++
		return true // the string has no end
	}
	if rest[0] != 'u' {
		at := strings.IndexByte(`"\/bfnrt`, rest[0])
		if at < 0 {
			r.notJSON("Invalid \\escape")
			return false
		}
		made.WriteByte("\"\\/\b\f\n\r\t"[at])
		r.at += 2
		return true
	}
	unit, ok := unitOf(r.text[r.at:])
	if !ok {
		r.at++
		r.notJSON("Invalid \\uXXXX escape")
		return false
	}
	r.at += 6
	character := rune(unit)
	if 0xD800 <= unit && unit < 0xE000 {
		low, ok := unitOf(r.text[r.at:])
		if unit < 0xDC00 && ok && 0xDC00 <= low && low < 0xE000 {
			character = 0x10000 + (rune(unit)-0xD800)<<10 + rune(low) - 0xDC00
			r.at += 6
		} else {
			r.hasLoneSurrogate = true
		}
	}
	made.WriteRune(character)
	return true
}

// unitOf is the number of the escape \uXXXX that text begins with.
func unitOf(text string) (uint64, bool) {
	if len(text) < 6 || text[:2] != `\u` || strings.ContainsAny(text[2:6], "+-_") {
		return 0, false
	}
	unit, err := strconv.ParseUint(text[2:6], 16, 16)
	return unit, err == nil
}

// WriteJSON is the JSON text of a value as SPEC section 2.3 says that a writer writes it: of an
// *Object, a []any, a string, an integer, a bool or nil.
func WriteJSON(value any) []byte {
	return appendJSON(nil, value)
}

func appendJSON(text []byte, value any) []byte {
	switch v := value.(type) {
	case *Object:
		text = append(text, '{')
		for at, name := range v.Names {
			if at > 0 {
				text = append(text, ',')
			}
			text = append(appendString(text, name), ':')
			text = appendJSON(text, v.values[name])
		}
		return append(text, '}')
	case []any:
		text = append(text, '[')
		for at, item := range v {
			if at > 0 {
				text = append(text, ',')
			}
			text = appendJSON(text, item)
		}
		return append(text, ']')
	case string:
		return appendString(text, v)
	case int64:
		return strconv.AppendInt(text, v, 10)
	case int:
		return strconv.AppendInt(text, int64(v), 10)
	case Number:
		return append(text, v...)
	case bool:
		return strconv.AppendBool(text, v)
	}
	return append(text, "null"...)
}

func appendString(text []byte, value string) []byte {
	text = append(text, '"')
	for at := 0; at < len(value); at++ {
		one := value[at]
		switch short := strings.IndexByte("\"\\\b\f\n\r\t", one); {
		case short >= 0:
			text = append(text, '\\', `"\bfnrt`[short])
		case one < ' ':
			text = append(text, `\u00`...)
			text = append(text, "0123456789abcdef"[one>>4], "0123456789abcdef"[one&15])
		default:
			text = append(text, one)
		}
	}
	return append(text, '"')
}

// Integer is the value of a number that is an integer and fits; what is none has another type, and
// what does not fit is out of every range here.
func (n Number) Integer() (value int64, isInteger bool) {
	if n == "" || strings.ContainsAny(string(n), ".eE") {
		return 0, false
	}
	value, err := strconv.ParseInt(string(n), 10, 64)
	if err != nil && n[0] == '-' {
		return -1, true
	}
	if err != nil {
		return math.MaxInt64, true
	}
	return value, true
}
