package command

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"hostseal/license"
)

// An object is one of JSON, with its members in their order.
type object []member

type member struct {
	name  string
	value any
}

// maybe is the number that there is, or null.
func maybe(number *int64) any {
	if number == nil {
		return nil
	}
	return *number
}

// orNull is the text that there is, or null.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// indented is value as JSON in ASCII, indented by two.
func indented(value any) string {
	var out strings.Builder
	writeJSON(&out, value, "\n")
	return out.String()
}

func writeJSON(out *strings.Builder, value any, newline string) {
	inner := newline + "  "
	switch v := value.(type) {
	case nil:
		out.WriteString("null")
	case bool:
		out.WriteString(strconv.FormatBool(v))
	case int:
		out.WriteString(strconv.Itoa(v))
	case int64:
		out.WriteString(strconv.FormatInt(v, 10))
	case string:
		writeString(out, v)
	case []string:
		list := make([]any, len(v))
		for i := range v {
			list[i] = v[i]
		}
		writeJSON(out, list, newline)
	case []object:
		list := make([]any, len(v))
		for i := range v {
			list[i] = v[i]
		}
		writeJSON(out, list, newline)
	case []any:
		if len(v) == 0 {
			out.WriteString("[]")
			return
		}
		for i, item := range v {
			out.WriteString(map[bool]string{true: "[", false: ","}[i == 0] + inner)
			writeJSON(out, item, inner)
		}
		out.WriteString(newline + "]")
	case *license.Object:
		members := object{}
		for _, name := range v.Names {
			value, _ := v.Get(name)
			members = append(members, member{name, value})
		}
		writeJSON(out, members, newline)
	case object:
		if len(v) == 0 {
			out.WriteString("{}")
			return
		}
		for i, one := range v {
			out.WriteString(map[bool]string{true: "{", false: ","}[i == 0] + inner)
			writeString(out, one.name)
			out.WriteString(": ")
			writeJSON(out, one.value, inner)
		}
		out.WriteString(newline + "}")
	default:
		panic(fmt.Sprintf("%T is no JSON", value))
	}
}

func writeString(out *strings.Builder, text string) {
	out.WriteByte('"')
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1: // a byte of a file's name, as Python has it
			fmt.Fprintf(out, `\udc%02x`, text[i])
		case strings.ContainsRune("\b\t\n\f\r\"\\", r):
			out.WriteByte('\\')
			out.WriteByte("btnfr\"\\"[strings.IndexRune("\b\t\n\f\r\"\\", r)])
		case r >= 0x10000:
			fmt.Fprintf(out, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		case r < ' ' || r >= 0x7f:
			if r == 0x7f {
				out.WriteByte(0x7f)
			} else {
				fmt.Fprintf(out, `\u%04x`, r)
			}
		default:
			out.WriteByte(byte(r))
		}
		i += size
	}
	out.WriteByte('"')
}
