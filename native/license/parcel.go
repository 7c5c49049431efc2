package license

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"hostseal/problem"
)

// A file in other people's hands: what programs made of it, and how that is undone. Only an
// installation undoes it, before SPEC applies (section 6.6): what comes out is installed, and each
// check sees the file as the vendor sent it. It is undone strictly: what comes out is sound, and there
// is one such file, or it is left alone.

const (
	// mostLinesOfParcel: a list of a megabyte has 16,000; what has more is no file of a vendor.
	mostLinesOfParcel = 40_000
	// mostCharacters are in all texts that come out of one another.
	mostCharacters = 2 * MaxMended
	// A longer text is only looked at for a part that is the file: an attachment beside pictures.
	largeText  = 256 << 10
	mostTexts  = 32
	mostLayers = 4
)

// A Parcel is a file as the vendor sent it, and what it had become; nil: it was no parcel, or none
// that could be opened.
type Parcel struct {
	Data []byte
	What *problem.Reason
}

// A layer is a text that came out of another one, and the outermost thing that was undone.
type layer struct {
	text string
	what *problem.Reason
}

// An opening is a parcel that was opened, with its tokens, each after its label.
type opening struct {
	Parcel
	tokens map[string]bool
}

// OpenParcel is the file in data; data itself where nothing has to be undone, or nothing can be.
func OpenParcel(data []byte) Parcel {
	closed := Parcel{Data: data}
	if len(data) > MaxMended || bytes.Count(data, []byte("\n")) > mostLinesOfParcel ||
		bytes.Count(data, []byte("\r")) > mostLinesOfParcel {
		return closed
	}
	shown := inArmor(data)
	// What is encoded in a mail counts as much as what it quotes.
	if mail := ofMail(data); mail != nil && isLess(tokensOf(shown), mail.tokens) {
		return mail.Parcel
	}
	if shown != nil {
		return closed
	}
	seen, left := map[string]bool{}, mostCharacters
	var layers []layer
	for _, text := range decodings(data) {
		layers = append(layers, layer{text: text})
	}
	for depth := 0; depth <= mostLayers; depth++ {
		var found []*opening
		var inner []layer
		for _, one := range layers {
			if left -= utf8.RuneCountInString(one.text); left < 0 {
				break
			}
			if read := one.read(); read != nil {
				found = append(found, read)
			} else if found == nil {
				inner = append(inner, one.inside(seen)...)
			}
		}
		if found != nil {
			return wholeOf(found, closed)
		}
		layers = inner
	}
	return closed
}

// ofMail is all that the parts of a mail hold, one after the other; each file once.
func ofMail(data []byte) *opening {
	var found []*opening
	for _, text := range partsOfMail(data) {
		one := (&layer{text, &aMail}).read()
		isKnown := one == nil
		for n, other := range found {
			if one != nil && isSame(one.tokens, other.tokens) {
				found[n], isKnown = one, true
			}
		}
		if !isKnown {
			found = append(found, one)
		}
	}
	if found == nil {
		return nil
	}
	all, most := map[string]bool{}, [][]byte{}
	for _, one := range found {
		isMost := true
		for _, other := range found {
			isMost = isMost && !isLess(one.tokens, other.tokens)
		}
		if isMost {
			most = append(most, one.Data)
		}
		for token := range one.tokens {
			all[token] = true
		}
	}
	return &opening{Parcel{bytes.Join(most, []byte("\n")), &aMail}, all}
}

// isSame and isLess compare sets: less is one that the other has all of, and more.
func isSame(one, other map[string]bool) bool { return len(one) == len(other) && isWithin(one, other) }
func isLess(one, other map[string]bool) bool { return len(one) < len(other) && isWithin(one, other) }

func isWithin(one, other map[string]bool) bool {
	for of := range one {
		if !other[of] {
			return false
		}
	}
	return true
}

// wholeOf is the one that has all that was found; otherwise where no one has, and several could be
// meant.
func wholeOf(found []*opening, otherwise Parcel) Parcel {
	most := found[0]
	for _, one := range found {
		if len(one.tokens) > len(most.tokens) {
			most = one
		}
	}
	for _, one := range found {
		if !isWithin(one.tokens, most.tokens) {
			return otherwise
		}
	}
	return most.Parcel
}

// read is what is sound in the text: as it stands, else once its characters and lines are put right.
func (l *layer) read() *opening {
	if l.what != nil {
		if blocks := inArmor([]byte(l.text)); blocks != nil {
			return &opening{Parcel{[]byte(l.text), l.what}, tokensOf(blocks)}
		}
	}
	if utf8.RuneCountInString(l.text) > largeText {
		return nil
	}
	mended := repair(l.text)
	if mended == nil || !areSound(mended.found.blocks) {
		return nil
	}
	var written strings.Builder
	for _, label := range mended.found.labels {
		for _, token := range mended.found.blocks[label] {
			written.WriteString(Wrap(label, token))
		}
	}
	what := l.what
	if what == nil {
		what = &mended.what
	}
	return &opening{Parcel{[]byte(written.String()), what}, tokensOf(mended.found.blocks)}
}

func tokensOf(blocks Blocks) map[string]bool {
	made := map[string]bool{}
	for label, tokens := range blocks {
		for _, token := range tokens {
			made[label+"\n"+soundReading(label, token)] = true
		}
	}
	return made
}

// inside are the texts that the ways find in it, each once in all.
func (l *layer) inside(seen map[string]bool) []layer {
	var found []layer
	isLarge := utf8.RuneCountInString(l.text) > largeText
	for n := range ways {
		way := &ways[n]
		if isLarge && !way.takesPart {
			continue
		}
		for _, text := range way.undo(l.text) {
			if len(seen) >= mostTexts {
				return found
			}
			if seen[text] || text == l.text || !mayHold(text) {
				continue
			}
			seen[text] = true
			what := l.what
			if what == nil {
				what = &way.what
			}
			found = append(found, layer{text, what})
		}
	}
	return found
}
