package license

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strings"

	"hostseal/problem"
)

const (
	mostPartsOfMail = 1000
	longestField    = 4096
	deepestMail     = 50
)

var (
	aMail = problem.Because("it is a mail with its headers")

	headerLine = &lazy{text: `^(?:>?From |[A-Za-z][A-Za-z0-9-]*:)[^\n]*\n`}
	// A field of a mail that has parameters, with its folded lines.
	contentField = &lazy{text: `(?im)^content-[a-z-]+:[^\n]*(?:\n[ \t][^\n]*)*`}
)

// partsOfMail is each part of the mail in data, decoded; none where no part says how it is encoded.
func partsOfMail(data []byte) []string {
	if !bytes.Contains(bytes.ToLower(data), []byte("content-transfer-encoding:")) {
		return nil
	}
	var found []string
	for _, text := range decodings(data) {
		found = append(found, fromMail(text)...)
	}
	return found
}

// fromMail is each part of a mail (RFC 5322, RFC 2045), as it was before it was sent.
func fromMail(text string) []string {
	text = strings.TrimLeftFunc(text, isWhite)
	if !headerLine.get().MatchString(text) || strings.Count(text, "\n--") > mostPartsOfMail {
		return nil
	}
	for _, field := range contentField.get().FindAllString(text, -1) {
		if len(field) > longestField {
			return nil
		}
	}
	var found []string
	for _, body := range bodies(text, 0) {
		if isText(body) {
			found = append(found, decodings(body)...)
		}
	}
	return found
}

// bodies are those of all parts of a mail that have no parts themselves.
func bodies(text string, depth int) [][]byte {
	if depth > deepestMail {
		return nil
	}
	fields, body := headOf(text)
	kind := strings.ToLower(strings.TrimSpace(fields["content-type"]))
	if strings.HasPrefix(kind, "message/") {
		return bodies(body, depth+1)
	}
	if strings.HasPrefix(kind, "multipart/") {
		if boundary := boundaryIn(fields["content-type"]); boundary != "" {
			if parts := partsBetween(body, boundary); parts != nil {
				var found [][]byte
				for _, part := range parts {
					found = append(found, bodies(part, depth+1)...)
				}
				return found
			}
		}
	}
	return [][]byte{transferred(body, strings.ToLower(strings.TrimLeft(fields["content-transfer-encoding"], " \t")))}
}

// boundaryIn is the boundary that a field of a mail names; empty: none.
func boundaryIn(field string) string {
	for _, parameter := range parametersOf(field) {
		name, value, isNamed := strings.Cut(parameter, "=")
		if value = strings.TrimSpace(value); !isNamed || !strings.EqualFold(strings.TrimSpace(name), "boundary") {
			continue
		}
		if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
			value = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(value[1 : len(value)-1])
		} else if len(value) > 1 && value[0] == '<' && value[len(value)-1] == '>' {
			value = value[1 : len(value)-1]
		}
		return strings.TrimRightFunc(value, isWhite)
	}
	return ""
}

// parametersOf are the parts of a field between semicolons that are not quoted.
func parametersOf(field string) []string {
	var parts []string
	isQuoted, last := false, 0
	for at := 0; at < len(field); at++ {
		switch one := field[at]; {
		case one == '"' && (at == 0 || field[at-1] != '\\'):
			isQuoted = !isQuoted
		case one == ';' && !isQuoted:
			parts, last = append(parts, field[last:at]), at+1
		}
	}
	return append(parts, field[last:])
}

// headOf parts the fields of a mail, by their names in lower case, from its body. The first of a name
// counts.
func headOf(text string) (fields map[string]string, body string) {
	fields = map[string]string{}
	name := ""
	for text != "" {
		bare, rest := cutLine(text)
		if bare == "" {
			return fields, rest
		}
		colon := strings.IndexByte(bare, ':')
		switch {
		case bare[0] == ' ' || bare[0] == '\t':
			if name != "" {
				fields[name] += bare
			}
		case strings.HasPrefix(bare, "From ") || bare[0] == ':':
			name = ""
		case colon > 0 && !strings.ContainsAny(bare[:colon], " \t") && isASCII(bare[:colon]):
			name = strings.ToLower(bare[:colon])
			if _, isKnown := fields[name]; isKnown {
				name = ""
			} else {
				fields[name] = bare[colon+1:]
			}
		default:
			return fields, text
		}
		text = rest
	}
	return fields, ""
}

// cutLine is the first line of a text, and what follows it.
func cutLine(text string) (line, rest string) {
	at := strings.IndexAny(text, "\r\n")
	if at < 0 {
		return text, ""
	}
	if strings.HasPrefix(text[at:], "\r\n") {
		return text[:at], text[at+2:]
	}
	return text[:at], text[at+1:]
}

// partsBetween are the parts of a body between its boundaries; nil: it has none.
func partsBetween(body, boundary string) []string {
	separator := regexp.MustCompile(`(?m)^--` + regexp.QuoteMeta(boundary) + `(--)?[ \t]*(?:\r?\n|\r|$|\z)`)
	var parts []string
	begun := -1
	for _, at := range separator.FindAllStringSubmatchIndex(body, -1) {
		if begun >= 0 {
			part := body[begun:at[0]]
			parts = append(parts, strings.TrimSuffix(strings.TrimSuffix(part, "\n"), "\r"))
		}
		if begun = at[1]; at[2] >= 0 {
			return parts
		}
	}
	if begun >= 0 {
		parts = append(parts, body[begun:])
	}
	return parts
}

// transferred is a body without its transfer encoding.
func transferred(body, encoding string) []byte {
	switch encoding {
	case "base64":
		return fromLooseBase64(body)
	case "quoted-printable":
		return fromQuotedLines(body)
	}
	return []byte(body)
}

// fromLooseBase64 undoes base64 as readers of mail do: other characters are passed over, and it ends
// where it is padded. One that has not the size of any is left alone.
func fromLooseBase64(body string) []byte {
	var bare []byte
	for at, padding := 0, 0; at < len(body); at++ {
		switch one := body[at]; {
		case one == '=':
			if padding++; len(bare)%4 >= 2 && len(bare)%4+padding >= 4 {
				at = len(body)
			}
		case one == '+' || one == '/' || one != '-' && one != '_' && inBase64URL[one]:
			bare, padding = append(bare, one), 0
		}
	}
	data, err := base64.RawStdEncoding.DecodeString(string(bare))
	if err != nil {
		return []byte(withoutBreaks(body))
	}
	return data
}

func withoutBreaks(body string) string {
	return strings.NewReplacer("\r", "", "\n", "").Replace(body)
}

// fromQuotedLines undoes quoted-printable (RFC 2045 section 6.7) as readers of mail do: what is none
// of it stays.
func fromQuotedLines(body string) []byte {
	var made []byte
	for {
		at := strings.IndexByte(body, '=')
		if at < 0 {
			return append(made, body...)
		}
		made = append(made, body[:at]...)
		if body = body[at:]; body == "=" {
			return made
		}
		switch octets, size := escapesOf(body); {
		case size > 0:
			made, body = append(made, octets...), body[size:]
		case body[1] == '\n' || body[1] == '\r':
			_, body, _ = strings.Cut(body, "\n")
		case body[1] == '=':
			made, body = append(made, '='), body[2:]
		default:
			made, body = append(made, '='), body[1:]
		}
	}
}
