package problem

import (
	"strconv"
	"strings"
)

// Translate is from an English text to the same in another language.
type Translate func(string) string

// English leaves a text as it is.
func English(text string) string { return text }

// Reason is a text made of a template and values, which can be said in any language.
type Reason struct {
	Template string
	Values   Values
}

// Because is the reason of template, with names and values in turn. A value named "reason" is one
// itself.
func Because(template string, namesAndValues ...any) Reason {
	return Reason{template, Of(namesAndValues...)}
}

// String is the English text.
func (r Reason) String() string { return r.Say(English) }

// Error lets a reason be returned as what is wrong.
func (r Reason) Error() string { return r.String() }

// Say is the text in the language of translate.
func (r Reason) Say(translate Translate) string {
	facts := make(Values, len(r.Values))
	for name, value := range r.Values {
		switch v := value.(type) {
		case Reason:
			facts[name] = v.Say(translate)
		case string:
			if name == "reason" {
				v = translate(v)
			}
			facts[name] = v
		default:
			facts[name] = value
		}
	}
	return format(translate(r.Template), facts)
}

// Fill puts facts into a template that is translated already.
func Fill(template string, facts Values) string { return format(template, facts) }

// format fills in a template of Python's str.format: {name}, {name!r} (in quotes), {name:g}, and
// {name:# GPU|# GPUs}, with which a number agrees with its noun; {{ and }} are braces.
func format(template string, facts Values) string {
	var out strings.Builder
	for i := 0; i < len(template); i++ {
		c := template[i]
		switch {
		case (c == '{' || c == '}') && i+1 < len(template) && template[i+1] == c:
			out.WriteByte(c)
			i++
		case c == '{':
			end := i + strings.IndexByte(template[i:], '}')
			out.WriteString(field(template[i+1:end], facts))
			i = end
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

func field(text string, facts Values) string {
	name, forms, _ := strings.Cut(text, ":")
	name, conversion, _ := strings.Cut(name, "!")
	value := facts[name]
	if number, ok := Integer(value); ok && strings.Contains(forms, "|") {
		return agreeing(number, forms)
	}
	shown := plain(value)
	if _, isText := value.(string); conversion == "r" && isText {
		return "'" + shown + "'"
	}
	return shown
}

// agreeing is the one of the forms "none|one|several" or "one|several" that agrees with number.
func agreeing(number int64, forms string) string {
	parts := strings.Split(forms, "|")
	form := parts[len(parts)-1]
	switch {
	case number == 0 && len(parts) > 2:
		form = parts[0]
	case number == 1:
		form = parts[len(parts)-2]
	}
	return strings.ReplaceAll(form, "#", strconv.FormatInt(number, 10))
}

// Integer is a value that is a whole number.
func Integer(value any) (int64, bool) {
	switch v := value.(type) {
	case int:
		return int64(v), true
	case int64:
		return v, true
	}
	return 0, false
}

func plain(value any) string {
	if number, ok := Integer(value); ok {
		return strconv.FormatInt(number, 10)
	}
	switch v := value.(type) {
	case nil:
		return "None"
	case string:
		return v
	case Reason:
		return v.String()
	case float64:
		return strconv.FormatFloat(v, 'g', 6, 64)
	case error:
		return v.Error()
	}
	return ""
}
