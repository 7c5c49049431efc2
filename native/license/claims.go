package license

import (
	"errors"
	"strings"
	"unicode/utf8"

	"hostseal/problem"
)

// MaxInstant is 9999-12-31T23:59:59Z, MaxInteger what every reader of JSON keeps exactly.
const (
	MaxInstant int64 = 253402300799
	MaxInteger int64 = 1<<53 - 1
)

// A ClaimError says which claim is missing, of the wrong type or out of bounds, and why.
type ClaimError struct {
	Claim string
	// Reason is a string or a problem.Reason.
	Reason any
}

func (e *ClaimError) reason() problem.Reason {
	return problem.Because("{claim}: {reason}", "claim", e.Claim, "reason", e.Reason)
}

func (e *ClaimError) Error() string { return e.reason().String() }

// claims reads the members of an object, each with its type and bounds (SPEC section 2.3). What is
// wrong first is kept, and all that is read after it is worth nothing.
type claims struct {
	members *Object
	err     *ClaimError
}

func claimsOf(value any) *claims {
	object, ok := value.(*Object)
	if !ok {
		return &claims{NewObject(), &ClaimError{"payload", "it is not an object"}}
	}
	return &claims{members: object}
}

// versionOne are the members of an object of our own, whose ver is 1.
func versionOne(data []byte) (*claims, error) {
	value, err := ParseJSON(data)
	if err != nil {
		return nil, err
	}
	object, ok := value.(*Object)
	if !ok {
		return nil, errors.New("it is not an object")
	}
	c := &claims{members: object}
	version := c.required("ver").integer("ver", 0, MaxInteger)
	switch {
	case c.err != nil:
		return nil, c.err
	case *version != 1:
		return nil, errors.New("its version is not supported")
	}
	return c, nil
}

func (c *claims) refuse(claim string, reason any) {
	if c.err == nil {
		c.err = &ClaimError{claim, reason}
	}
}

// done is what was wrong first.
func (c *claims) done() error {
	if c.err == nil {
		return nil
	}
	return c.err
}

func (c *claims) required(name string) *claims {
	if _, ok := c.members.Get(name); !ok {
		c.refuse(name, "it is missing")
	}
	return c
}

// text is a string of 1 to 200 characters; empty where it is absent.
func (c *claims) text(name string) string {
	const longest = 200
	value, ok := c.members.Get(name)
	text, isText := value.(string)
	switch {
	case !ok:
	case !isText:
		c.refuse(name, "it is not a string")
	default:
		if count := utf8.RuneCountInString(text); count < 1 || count > longest {
			c.refuse(name, problem.Because(
				"it has {count:# character|# characters}; 1 to {most} are allowed",
				"count", count, "most", longest))
		}
	}
	return text
}

// integer is a whole number from least to most; nil where it is absent.
func (c *claims) integer(name string, least, most int64) *int64 {
	value, ok := c.members.Get(name)
	if !ok {
		return nil
	}
	return c.bounded(name, value, least, most)
}

func (c *claims) bounded(name string, value any, least, most int64) *int64 {
	written, _ := value.(Number)
	number, isInteger := written.Integer()
	if !isInteger {
		c.refuse(name, "it is not a whole number")
		return nil
	}
	if number < least || number > most {
		c.refuse(name, problem.Because("{value} is not between {least} and {most}",
			"value", string(written), "least", least, "most", most))
		return nil
	}
	return &number
}

func (c *claims) instant(name string) *int64 {
	return c.integer(name, 0, MaxInstant)
}

// names is an array of names, each once; nil where it is absent.
func (c *claims) names(name string) []string {
	value, ok := c.members.Get(name)
	if !ok {
		return nil
	}
	items, isArray := value.([]any)
	if !isArray {
		c.refuse(name, "it is not an array")
		return nil
	}
	names := make([]string, 0, len(items))
	seen := make(map[string]bool, len(items))
	for _, item := range items {
		text, _ := item.(string)
		if !isName(text) {
			c.refuse(name, problem.Because("{value!r} is not a valid name", "value", shown(item)))
			return nil
		}
		if seen[text] {
			c.refuse(name, "it contains a name twice")
			return nil
		}
		seen[text] = true
		names = append(names, text)
	}
	return names
}

// shown is a value as a sentence takes it.
func shown(value any) any {
	switch v := value.(type) {
	case string:
		return v
	case Number:
		if number, isInteger := v.Integer(); isInteger {
			return number
		}
	}
	return textOf(WriteJSON(value))
}

// object is a JSON object; nil where it is absent.
func (c *claims) object(name string) *Object {
	value, ok := c.members.Get(name)
	if !ok {
		return nil
	}
	object, isObject := value.(*Object)
	if !isObject {
		c.refuse(name, "it is not an object")
		return nil
	}
	return object
}

// numbers is an object from names to whole numbers, with its names in their order.
func (c *claims) numbers(name string) (map[string]int64, []string) {
	object := c.object(name)
	if object == nil {
		return nil, nil
	}
	numbers := make(map[string]int64, len(object.Names))
	for _, of := range object.Names {
		if !isName(of) {
			c.refuse(name, problem.Because("{value!r} is not a valid name", "value", of))
			return nil, nil
		}
		number := c.bounded(name+"."+of, object.values[of], 0, MaxInteger)
		if number == nil {
			return nil, nil
		}
		numbers[of] = *number
	}
	return numbers, object.Names
}

// oneOf is one of the texts that are allowed; empty where it is absent.
func (c *claims) oneOf(name string, allowed ...string) string {
	text := c.text(name)
	if _, ok := c.members.Get(name); !ok || c.err != nil {
		return ""
	}
	for _, one := range allowed {
		if text == one {
			return text
		}
	}
	c.refuse(name, problem.Because("{value!r} is not one of {allowed}",
		"value", text, "allowed", strings.Join(allowed, ", ")))
	return ""
}

// hostKey is 40 hexadecimal digits; empty where it is absent.
func (c *claims) hostKey(name string) string {
	text := c.text(name)
	if _, ok := c.members.Get(name); ok && !isHex(text, 40) {
		c.refuse(name, "it is not 40 lowercase hexadecimal digits")
	}
	return text
}

// hexPrefix is at most so many hexadecimal digits, and one at least; empty where it is absent.
func (c *claims) hexPrefix(name string, most int) string {
	value, ok := c.members.Get(name)
	text, _ := value.(string)
	if ok && (len(text) == 0 || len(text) > most || !isHex(text, len(text))) {
		c.refuse(name, "it is not lowercase hexadecimal digits")
	}
	return text
}

// tag is 16 hexadecimal digits; empty where it is absent.
func (c *claims) tag(name string) string {
	value, ok := c.members.Get(name)
	text, _ := value.(string)
	if ok && !isHex(text, 16) {
		c.refuse(name, problem.Because(
			"the tag of {name} is not 16 hexadecimal digits", "name", name))
	}
	return text
}

// digest is the base64url text of 32 bytes; empty where it is absent.
func (c *claims) digest(name string) string {
	text := c.text(name)
	if c.err != nil || text == "" {
		return ""
	}
	if data, err := DecodeBase64URL(text); err != nil || len(data) != 32 {
		c.refuse(name, "it is not 43 characters of base64url")
	}
	return text
}

// tags is an object from components to tags; nil where it is absent.
func (c *claims) tags(name string, components []string) []Tag {
	object := c.object(name)
	if object == nil {
		return nil
	}
	tags := make([]Tag, 0, len(object.Names))
	for _, component := range object.Names {
		text, _ := object.values[component].(string)
		switch {
		case !contains(components, component):
			c.refuse(name, problem.Because(
				"{value!r} is not a component of a host key", "value", component))
		case !isHex(text, 16):
			c.refuse(name, problem.Because(
				"the tag of {name} is not 16 hexadecimal digits", "name", component))
		}
		tags = append(tags, Tag{Name: component, Tag: text})
	}
	return tags
}

func contains(texts []string, one string) bool {
	for _, text := range texts {
		if text == one {
			return true
		}
	}
	return false
}

func isHex(text string, digits int) bool {
	return len(text) == digits && strings.Trim(text, "0123456789abcdef") == ""
}

// isName tells whether text may be the name of a feature, a limit or a product.
func isName(text string) bool {
	if len(text) == 0 || len(text) > 64 || strings.IndexByte("._:-", text[0]) >= 0 {
		return false
	}
	for at := 0; at < len(text); at++ {
		if one := text[at]; !inToken[one] && one != ':' {
			return false
		}
	}
	return true
}
