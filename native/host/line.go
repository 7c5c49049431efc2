package host

import (
	"strings"
	"unicode/utf16"
)

// A host key line is what get_host_key prints (SPEC section 4.4).

const (
	checkLetters = "ghjkmnpqrstvwxyz"
	checkBase    = 1000003
	checkPrime   = 1<<24 - 3
	longestName  = 200
)

// Line is the bare line: a JSON array of key and hostname in ASCII, a profile other than hk1, and a
// check code where one is named.
func (k *Key) Line(checkCode string) string {
	words := []string{quote(k.Key), "null"}
	if k.Hostname != "" {
		words[1] = quote(k.Hostname)
	}
	if k.Profile != DefaultProfile {
		words = append(words, quote(k.Profile))
	}
	if checkCode != "" {
		words = append(words, quote(checkCode))
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// CheckCode is the last element of a line by which its reader notices a wrong character, as in
// "check khrzzv". It covers the name that a reader makes of the hostname; not ok: the hostname has
// characters of ASCII that no usual one has, and that programs change.
func (k *Key) CheckCode() (element string, ok bool) {
	name, ok := readName(k.Hostname)
	if !ok {
		return "", false
	}
	sum := int64(0)
	for _, r := range k.Key + "\n" + name + "\n" + k.Profile {
		sum = (sum*checkBase + int64(r)) % checkPrime
	}
	letters := make([]byte, 0, 6)
	for shift := 20; shift >= 0; shift -= 4 {
		letters = append(letters, checkLetters[sum>>shift&15])
	}
	return "check " + string(letters), true
}

// readName is what a reader makes of a hostname in quotes: empty where it is none.
func readName(hostname string) (name string, ok bool) {
	runes := []rune{}
	hasLetter := false
	for _, r := range hostname {
		isUsual := ('a' <= r && r <= 'z') || ('0' <= r && r <= '9')
		if r < 0x80 && !isUsual && r != '.' && r != '_' && r != '-' {
			return "", false
		}
		runes = append(runes, r)
	}
	if written := quote(hostname); len(written)-2 > 2000 {
		return "", false
	}
	for len(runes) > 0 && runes[len(runes)-1] == '.' {
		runes = runes[:len(runes)-1]
	}
	if len(runes) > longestName {
		runes = runes[:longestName]
	}
	for _, r := range runes {
		if isUnprintable(r) {
			return "", true
		}
		hasLetter = hasLetter || mayBeLetter(r)
	}
	if !hasLetter {
		return "", true
	}
	return string(runes), true
}

// isUnprintable and mayBeLetter are fixed, whatever Unicode assigns (SPEC section 4.4).
func isUnprintable(r rune) bool {
	switch {
	case r <= 0x1f, 0x7f <= r && r <= 0xa0, r == 0xad, r == 0x61c, r == 0x1680, r == 0x180e,
		0x2000 <= r && r <= 0x200f, 0x2028 <= r && r <= 0x202f, 0x205f <= r && r <= 0x206f,
		r == 0x3000, 0xd800 <= r && r <= 0xf8ff, 0xfdd0 <= r && r <= 0xfdef, r == 0xfeff,
		0xfff9 <= r && r <= 0xfffb, r == 0xfffe, r == 0xffff, r >= 0xe0000:
		return true
	}
	return false
}

func mayBeLetter(r rune) bool {
	if r < 0x80 {
		return ('0' <= r && r <= '9') || ('A' <= r && r <= 'Z') || ('a' <= r && r <= 'z')
	}
	switch {
	case r < 0xc0, r == 0xd7, r == 0xf7, 0x2000 <= r && r <= 0x2bff, 0x2e00 <= r && r <= 0x2e7f,
		0x3000 <= r && r <= 0x303f, 0xfe00 <= r && r <= 0xfe6f, 0xff00 <= r && r <= 0xffff,
		0x1f000 <= r && r <= 0x1faff:
		return false
	}
	return true
}

// quote is text as JSON in ASCII.
func quote(text string) string {
	const digits = "0123456789abcdef"
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range text {
		if escape, is := short[r]; is {
			out.WriteString(escape)
			continue
		}
		if 0x20 <= r && r < 0x7f {
			out.WriteRune(r)
			continue
		}
		units := []rune{r}
		if r > 0xffff {
			high, low := utf16.EncodeRune(r)
			units = []rune{high, low}
		}
		for _, unit := range units {
			out.WriteString(`\u`)
			for shift := 12; shift >= 0; shift -= 4 {
				out.WriteByte(digits[unit>>shift&15])
			}
		}
	}
	out.WriteByte('"')
	return out.String()
}
