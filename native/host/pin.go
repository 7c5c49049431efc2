package host

import (
	"strings"
	"unicode/utf8"
)

// PinnedIP is the variable by which an operator declares the address that is this host's for good.
const PinnedIP = "LICENSE_PINNED_IP"

// wrapping may stand around an address.
const wrapping = " \t\r\n\v\f\x00\"'`[](){}<>,;\u00a0\u200b\ufeff\u2018\u2019\u201c\u201d\u3000"

// readPin is the address that text means, as inet_ntop writes it; empty: nothing is declared. Blanks,
// quotes and brackets around it, capitals and full-width characters make no other address of it. What
// is none is given back as it stands, without what is around it.
func readPin(text string) string {
	bare := strings.Trim(halfWidth(text), wrapping)
	if address := Address(bare); address != "" {
		return address
	}
	return bare
}

// halfWidth is text with the characters of ASCII that full-width ones stand for. What is no UTF-8
// stays as it is.
func halfWidth(text string) string {
	var out strings.Builder
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		switch {
		case r == 0x3002:
			out.WriteByte('.')
		case 0xff01 <= r && r < 0xff5f:
			out.WriteByte(byte(r - 0xfee0))
		default:
			out.WriteString(text[at : at+size])
		}
		at += size
	}
	return out.String()
}

// Address is text as inet_ntop writes it; empty where it is no address.
func Address(text string) string {
	address, ok := parsed(text)
	if !ok {
		return ""
	}
	return written(address)
}
