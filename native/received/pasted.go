package received

import (
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	softBreak = regexp.MustCompile(`=[ \t]*(?:\r\n?|\n)`)
	// What an octet is not: a part of a key or name.
	inKeyOrName = regexp.MustCompile(`[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f0-9A-Za-z\x7f]`)
	tag         = regexp.MustCompile(`</?([A-Za-z][A-Za-z0-9:]{0,9})(?:[ \t\r\n][^<>]*)?/?>` +
		`|<(?:https?|mailto):[^<>]*>`)
	inline = regexp.MustCompile(`^(?:a|abbr|b|big|code|del|em|font|i|ins|mark|o:p|s|small|span|` +
		`strong|sub|sup|tt|u|wbr)$`)
	entity         = regexp.MustCompile(`&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]{2,5}));`)
	escape         = regexp.MustCompile(`\\(["\\/bfnrt]|u001[bB])`)
	breakBeforeKey = regexp.MustCompile(`\\[nrt]([0-9a-fA-F]{40})`)
	lineBreak      = regexp.MustCompile("\r\n?|[\v\f\x1c-\x1e\u0085\u2028\u2029]")
	terminal       = regexp.MustCompile("\x1b\\][^\x07\x1b\n]*(?:\x07|\x1b\\\\)" + // a title
		"|(?:\x1b|\\^\\[)\\[[0-9;?]*[@-~]" + // a colour, a movement
		`|\[[0-9]{1,3}(?:;[0-9]{1,3})*[mMK]`) // the same without its ESC
	rule = regexp.MustCompile("[>|\u2500-\u257f]")
	// What a quotation, a list or a comparison has at the start of a line, before its text.
	lineMark = regexp.MustCompile("(?m)^[ \t]*(?:[\":#%!\u2022\u2023\u25aa\u00b7-]{1,9}([ \t])|\\+)")
	member   = regexp.MustCompile(`"{1,2}(?:` + anyCase("hostname") + `|` + anyCase("profile") + `|` +
		anyCase("check") + `)"{1,2} ?:\s{0,2}`)
	label = regexp.MustCompile(`,?\s{0,2}(?:` + anyCase("host") + `[ _-]?` + anyCase("name") +
		"|\u4e3b\u673a\u540d|" + anyCase("profile") + `|` + anyCase("check") + `) ?[:=]`)
)

var entities = map[string]string{
	"amp": "&", "apos": "'", "gt": ">", "ldquo": `"`, "lsquo": "'", "lt": "<", "nbsp": " ",
	"quot": `"`, "rdquo": `"`, "rsquo": "'",
}

var escapes = map[string]string{
	"u001b": "\x1b", "u001B": "\x1b", "b": " ", "f": "\n", "n": "\n", "r": "\n", "t": "\t",
}

// deepest: a string of JSON in a text has its own quotes escaped, and so do strings in strings.
const deepest = 3

// anyCase is a pattern for a word in either case of ASCII; (?i) would take other letters, too.
func anyCase(word string) string {
	var pattern strings.Builder
	for _, one := range word {
		pattern.WriteString("[" + string(one) + strings.ToUpper(string(one)) + "]")
	}
	return pattern.String()
}

// undamaged is a text as it was written, as far as that can be told. What comes out has one sort of
// quote, comma and hyphen, and no white space but spaces, tabs and line feeds.
func undamaged(text string) string {
	text = withoutOctets(softBreak.ReplaceAllString(text, " \n"))
	text = entity.ReplaceAllStringFunc(tag.ReplaceAllStringFunc(text, shown), character)
	for depth := 0; depth < deepest && strings.Contains(text, `\"`); depth++ {
		text = escape.ReplaceAllStringFunc(text, func(found string) string {
			if other, ok := escapes[found[1:]]; ok {
				return other
			}
			return found[1:]
		})
	}
	text = lineBreak.ReplaceAllString(breakBeforeKey.ReplaceAllString(text, "\n$1"), "\n")
	text = strings.Map(folded, terminal.ReplaceAllString(text, ""))
	text = lineMark.ReplaceAllString(rule.ReplaceAllString(text, " "), " $1")
	return label.ReplaceAllString(member.ReplaceAllString(text, ""), ",")
}

// withoutOctets replaces runs of =XX and %XX that are neither of a key nor of a name.
func withoutOctets(text string) string {
	var made strings.Builder
	for at := 0; at < len(text); {
		sign := text[at]
		run := ""
		if sign == '%' || sign == '=' && !isLabelOfKey(text, at) {
			run = octetsAt(text, at, sign)
		}
		if run == "" {
			made.WriteByte(sign)
			at++
			continue
		}
		octets, _ := hex.DecodeString(strings.ReplaceAll(run, string(sign), ""))
		if decoded := string(octets); utf8.ValidString(decoded) && !inKeyOrName.MatchString(decoded) {
			made.WriteString(decoded)
		} else {
			made.WriteString(run)
		}
		at += len(run)
	}
	return made.String()
}

func octetsAt(text string, at int, sign byte) string {
	end := at
	for end+3 <= len(text) && text[end] == sign && isHexByte(text[end+1]) && isHexByte(text[end+2]) {
		end += 3
	}
	return text[at:end]
}

// isLabelOfKey: exactly 40 digits after a label's equals sign are a key, not an octet and 38 digits.
func isLabelOfKey(text string, at int) bool {
	if at == 0 || text[at-1] < utf8.RuneSelf && !isLetter(rune(text[at-1])) {
		return false
	}
	end := at + 1
	for end < len(text) && isHexByte(text[end]) {
		end++
	}
	return end-at-1 == digitsOfKey
}

// shown is what a page shows for a tag of HTML: nothing, a column's edge, or a new line.
func shown(found string) string {
	name := strings.ToLower(tag.FindStringSubmatch(found)[1])
	switch {
	case name == "" || inline.MatchString(name):
		return ""
	case name == "td" || name == "th":
		return "\t"
	}
	return "\n"
}

// character is what an entity of HTML stands for; itself where it is none.
func character(found string) string {
	parts := entity.FindStringSubmatch(found)
	if parts[3] != "" {
		if known, ok := entities[parts[3]]; ok {
			return known
		}
		return found
	}
	code, _ := strconv.ParseUint(parts[2], 16, 32)
	if parts[1] != "" {
		code, _ = strconv.ParseUint(parts[1], 10, 32)
	}
	if code < 0xD800 || 0xE000 <= code && code < 0x110000 {
		return string(rune(code))
	}
	return found
}

// folded is the plain character that one stands for; negative: nobody sees it.
func folded(one rune) rune {
	switch {
	case isUnseen(one):
		return -1
	case 0xFF01 <= one && one < 0xFF5F:
		return plainQuote(one - 0xFEE0)
	case 0x2000 <= one && one <= 0x200A:
		return ' '
	case 0x2010 <= one && one <= 0x2013:
		return '-'
	}
	switch one {
	case 0x1F, 0xA0, 0x1680, 0x202F, 0x205F, 0x3000:
		return ' '
	case 0x2212, 0xFE58, 0xFE63:
		return '-'
	case 0x3010, 0x3014:
		return '['
	case 0x3011, 0x3015:
		return ']'
	case 0x3002, 0xFF61:
		return '.'
	case 0x3001:
		return ','
	}
	return plainQuote(one)
}

func isUnseen(one rune) bool {
	switch one {
	case 0x7F, 0xAD, 0x034F, 0x061C, 0x180E, 0x2800, 0x3164, 0xFEFF, 0xFFFC:
		return true
	}
	return one <= 8 || 0x0E <= one && one <= 0x1B || 0x200B <= one && one <= 0x200F ||
		0x202A <= one && one <= 0x202E || 0x2060 <= one && one <= 0x206F || 0xFE00 <= one && one <= 0xFE0F
}

// plainQuote is a quote for each of its sorts, and any other character itself.
func plainQuote(one rune) rune {
	switch one {
	case '\'', '`', '*', '~', 0xAB, 0xBB, 0x2032, 0x2033:
		return '"'
	}
	if 0x2018 <= one && one <= 0x201F || 0x300C <= one && one <= 0x300F || 0x301D <= one && one <= 0x301F {
		return '"'
	}
	return one
}
