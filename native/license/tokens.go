package license

import (
	"bytes"
	"strings"
)

// A token says itself where it begins and ends: its header has one spelling (SPEC section 5.1), its
// signature 86 characters; a request has a checksum. So a text whose markers or lines were changed
// still shows whether what it carries is whole (SPEC section 6.6).

// How a token begins: the same for all keys and all hosts.
const (
	signedStart  = "eyJhbGciOiJFZDI1NTE5Iiwia2lkIjoi"
	requestStart = "eyJ2ZXIiOjEsImtleSI6I"
)

var typesOf = map[string]string{
	LicenseLabel:     LicenseType,
	KeysetLabel:      KeysetType,
	RootsLabel:       RootsType,
	RevocationsLabel: RevocationsType,
}

func isKnownLabel(label string) bool { return typesOf[label] != "" || label == RequestLabel }

// labelOf is the label of a type; empty: it is not known.
func labelOf(typ string) string {
	for label, of := range typesOf {
		if of == typ {
			return label
		}
	}
	return ""
}

// isSound tells whether token is whole, as far as its form tells: it can be what a writer wrote. One
// under a label that is not known is not looked at.
func isSound(label, token string) bool {
	if label == RequestLabel {
		return isRequest(token)
	}
	return typesOf[label] == "" || typeOf(token) == typesOf[label]
}

// soundReading is the first reading of a token that is sound; empty: none is.
func soundReading(label, token string) string {
	for _, reading := range Readings(token) {
		if isSound(label, reading) {
			return reading
		}
	}
	return ""
}

// areSound: all tokens are, and there is at most one licence, and one list.
func areSound(blocks Blocks) bool {
	if len(blocks[LicenseLabel]) > 1 || len(blocks[RevocationsLabel]) > 1 {
		return false
	}
	for label, tokens := range blocks {
		for _, token := range tokens {
			if soundReading(label, token) == "" {
				return false
			}
		}
	}
	return true
}

// inArmor are the blocks of data as SPEC section 4.3 reads it; nil where it has none, or damaged
// ones, or a signed token begins outside of them.
func inArmor(data []byte) Blocks {
	blocks, err := Unwrap(data)
	if err != nil || len(blocks) == 0 || !areSound(blocks) {
		return nil
	}
	signed := 0
	for label, tokens := range blocks {
		if typesOf[label] != "" {
			signed += len(tokens)
		}
	}
	if begun(data) > signed {
		return nil
	}
	return blocks
}

// LicenseIn is the token of the licence that data has; empty where it has none, or is damaged.
func LicenseIn(data []byte) string {
	for _, token := range inArmor(data)[LicenseLabel] {
		return soundReading(LicenseLabel, token)
	}
	return ""
}

// IsHidden tells whether a token of a known type stands under another label, or outside of all
// blocks: whoever installs the file would leave it behind.
func IsHidden(data []byte) bool {
	blocks, err := Unwrap(data)
	if err != nil {
		return false
	}
	count := 0
	for label, tokens := range blocks {
		count += len(tokens)
		for _, token := range tokens {
			if !isKnownLabel(label) && labelOf(typeOf(token)) != "" {
				return true
			}
		}
	}
	return count > 0 && begun(data) > count
}

// letters are the letters and digits of data.
func letters(data []byte) []byte {
	made := make([]byte, 0, len(data))
	for _, one := range data {
		if one != '-' && one != '_' && inBase64URL[one] {
			made = append(made, one)
		}
	}
	return made
}

// beginsToken tells whether a token begins in data, whatever stands between its characters.
func beginsToken(data []byte) bool {
	found := letters(data)
	return bytes.Contains(found, []byte(signedStart)) || bytes.Contains(found, []byte(requestStart))
}

// begun is how many signed tokens begin in data, whatever stands between their characters: as it is,
// or as a terminal shows it, where each of them may have a colour or be struck twice.
func begun(data []byte) int {
	count := bytes.Count(letters(data), []byte(signedStart))
	read := letters(bytesOf(asShown(strings.ReplaceAll(string(data), "\x00", ""))))
	if more := bytes.Count(read, []byte(signedStart)); more > count {
		return more
	}
	return count
}

// beginnings are how many tokens begin in a text, and how many BEGIN lines it shows.
func beginnings(text string) (tokens, begins int) {
	found := letters(bytesOf(text))
	tokens = bytes.Count(found, []byte(signedStart)) + bytes.Count(found, []byte(requestStart))
	return tokens, bytes.Count(bytes.ToUpper(found), []byte("BEGINLICENSE"))
}

// typeOf is the type of a signed token; empty where it is not sound.
func typeOf(token string) string {
	const before, after, end = `{"alg":"Ed25519","kid":"`, `","typ":"`, `"}`
	const kid, longest = 43, 40
	parts := strings.SplitN(token, ".", 3)
	if len(parts) != 3 || len(parts[2]) != signatureCharacters {
		return ""
	}
	header, err := DecodeBase64URL(parts[0])
	text := string(header)
	if err != nil || !strings.HasPrefix(text, before) || len(text) < len(before)+kid+len(after)+len(end) {
		return ""
	}
	of, rest := text[len(before):len(before)+kid], text[len(before)+kid:]
	if !consistsOf(of, &inBase64URL) || !strings.HasPrefix(rest, after) || !strings.HasSuffix(rest, end) {
		return ""
	}
	typ := rest[len(after) : len(rest)-len(end)]
	if typ == "" || len(typ) > longest || strings.Trim(typ, "abcdefghijklmnopqrstuvwxyz+-") != "" {
		return ""
	}
	if _, err := DecodeBase64URL(parts[2]); err != nil {
		return ""
	}
	payload, err := DecodeBase64URL(parts[1])
	if err != nil {
		return ""
	}
	if value, err := ParseJSON(payload); err != nil || !isObject(value) {
		return ""
	}
	return typ
}

func isObject(value any) bool {
	_, is := value.(*Object)
	return is
}

func isRequest(token string) bool {
	body, check, _ := strings.Cut(token, ".")
	payload, err := DecodeBase64URL(body)
	return err == nil && check == checksum(payload)
}

// ordered are tokens by their labels, in the order in which the labels came.
type ordered struct {
	labels []string
	blocks Blocks
}

func (o *ordered) put(label, token string) {
	if o.blocks == nil {
		o.blocks = Blocks{}
	}
	if o.blocks[label] == nil {
		o.labels = append(o.labels, label)
	}
	o.blocks[label] = append(o.blocks[label], token)
}

// once are the same, each token once.
func (o *ordered) once() *ordered {
	made := &ordered{}
	for _, label := range o.labels {
		seen := map[string]bool{}
		for _, token := range o.blocks[label] {
			if !seen[token] {
				seen[token] = true
				made.put(label, token)
			}
		}
	}
	return made
}

// scan are the tokens of a text that has nothing but their characters, words around them and single
// blanks: where a line was broken, or something else stood. Those of a type that is not known are
// passed over. nil: there is none, or one that begins is not sound.
func scan(text string) *ordered {
	joined := strings.ReplaceAll(text, " ", "")
	isBefore := make([]bool, len(joined)+1) // a blank, or nothing more
	for at, n := 0, 0; at <= len(text); at++ {
		if at == len(text) || text[at] == ' ' {
			isBefore[n] = true
		} else {
			n++
		}
	}
	found := &ordered{}
	for at, end := 0, 0; ; {
		start, size := nextStart(joined, at)
		if start < 0 {
			break
		}
		if start < end {
			return nil
		}
		stop := endOfToken(joined, start, size)
		if stop < 0 || !isBefore[stop] && joined[stop] != '-' && joined[stop] != '.' {
			return nil
		}
		token := joined[start:stop]
		if size == len(requestStart) {
			if !isRequest(token) {
				return nil
			}
			found.put(RequestLabel, token)
		} else if typ := typeOf(token); typ == "" {
			return nil
		} else if label := labelOf(typ); label != "" {
			found.put(label, token)
		}
		at, end = start+size, stop
	}
	if len(found.labels) == 0 {
		return nil
	}
	return found
}

// nextStart is where the next token begins, and the size of its beginning; negative: none does.
func nextStart(text string, from int) (start, size int) {
	signed, request := strings.Index(text[from:], signedStart), strings.Index(text[from:], requestStart)
	switch {
	case signed >= 0 && (request < 0 || signed < request):
		return from + signed, len(signedStart)
	case request >= 0:
		return from + request, len(requestStart)
	}
	return -1, 0
}

// endOfToken is where the token ends that begins at start; negative: it has not the form of one.
func endOfToken(text string, start, size int) int {
	const leastOfHeader, mostOfHeader = 60, 140 // behind its beginning
	part := func(from int) int {
		for from < len(text) && inBase64URL[text[from]] {
			from++
		}
		return from
	}
	at, last := part(start+size), checkCharacters
	if size == len(signedStart) {
		if of := at - start - size; of < leastOfHeader || of > mostOfHeader || at == len(text) || text[at] != '.' {
			return -1
		}
		begun := at + 1
		if at = part(begun); at == begun {
			return -1
		}
		last = signatureCharacters
	} else if at == start+size {
		return -1
	}
	if at == len(text) || text[at] != '.' || part(at+1) < at+1+last {
		return -1
	}
	return at + 1 + last
}
