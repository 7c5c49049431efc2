package license

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"hostseal/problem"
)

const digestBytes = 12

// Revocations are the licences that a vendor has revoked, as of one number of the list.
type Revocations struct {
	Iss         string
	Number, Iat int64
	Exp         *int64
	// Kid is that of the key that signed it.
	Kid string
	// prefix is with which the digests begin that a shard is about, in hexadecimal digits; empty: all.
	prefix  string
	digests []byte
}

// Covers tells whether the list says of the licence with this number if it is listed.
func (r *Revocations) Covers(jti string) bool {
	sum := sha256.Sum256([]byte(jti))
	return strings.HasPrefix(hex.EncodeToString(sum[:digestBytes]), r.prefix)
}

// Lists tells whether the licence with this number is listed. The list need not be in order.
func (r *Revocations) Lists(jti string) bool {
	sum := sha256.Sum256([]byte(jti))
	wanted := sum[:digestBytes]
	for at := 0; at < len(r.digests); at += digestBytes {
		if bytes.Equal(r.digests[at:at+digestBytes], wanted) {
			return true
		}
	}
	return false
}

// ParseRevocations reads the payload of a list.
func ParseRevocations(payload []byte) (*Revocations, error) {
	value, err := ParseJSON(payload)
	if err != nil {
		return nil, err
	}
	c := claimsOf(value)
	made := &Revocations{}
	switch revoked, ok := c.members.values["revoked"].(string); {
	case !ok:
		c.refuse("revoked", "it is not a string")
	default:
		if made.digests, err = DecodeBase64URL(revoked); err != nil {
			c.refuse("revoked", err.Error())
		}
		if len(made.digests)%digestBytes != 0 {
			c.refuse("revoked", problem.Because(
				"it is not made of {size}-byte digests", "size", digestBytes))
		}
	}
	made.Iss = strings.Clone(c.required("iss").text("iss")) // without the text that it stands in
	made.Number = valueOf(c.required("number").integer("number", 1, MaxInteger))
	made.Iat = valueOf(c.required("iat").instant("iat"))
	made.Exp = c.instant("exp")
	made.prefix = strings.Clone(c.hexPrefix("prefix", digestBytes*2))
	return made, c.done()
}

// OpenList is the list that a token in a text is, signed by a key of the keyset that is not revoked.
func OpenList(text string, keyset *Keyset) (*Revocations, error) {
	trusted := HeadersOf(keyset.keys(false), RevocationsType)
	var last *TokenError
	for _, reading := range Readings(text) {
		key, payload, refused := VerifyToken(reading, trusted)
		if refused != nil {
			last = refused // the other reading may be the true one
			continue
		}
		list, err := ParseRevocations(payload)
		if err != nil {
			return nil, err
		}
		list.Kid = key.Kid
		return list, nil
	}
	return nil, last
}

// OpenOnlyList is the one revocation list in blocks.
func OpenOnlyList(blocks Blocks, keyset *Keyset) (*Revocations, error) {
	tokens := blocks[RevocationsLabel]
	if len(tokens) != 1 {
		return nil, notOne(len(tokens))
	}
	return OpenList(tokens[0], keyset)
}

func notOne(count int) error {
	return problem.Because("it contains {count:# list|# lists}, not exactly one", "count", count)
}

// A NotCovered is that a file of lists has none that covers the licence.
type NotCovered struct{ problem.Reason }

// Unwrap is why, as a text in any language.
func (n NotCovered) Unwrap() error { return n.Reason }

// OpenOwnList verifies all lists in blocks, and gives the one that covers the licence with this
// number: as it stands, and read. There is only one where the number is empty.
func OpenOwnList(blocks Blocks, keyset *Keyset, jti string) (string, *Revocations, error) {
	tokens := blocks[RevocationsLabel]
	if len(tokens) != 1 && jti == "" {
		return "", nil, notOne(len(tokens))
	}
	var token string
	var own *Revocations
	count := 0
	for _, one := range tokens {
		list, err := OpenList(one, keyset)
		if err != nil {
			return "", nil, err
		}
		if jti == "" || list.Covers(jti) {
			token, own = one, list
			count++
		}
	}
	if len(tokens) > 0 && count == 0 {
		return "", nil, NotCovered{problem.Because("it is for other licences than {number}", "number", jti)}
	}
	if count != 1 {
		return "", nil, notOne(count)
	}
	return token, own, nil
}

// A lookUp is what the lists say of a licence.
type lookUp struct {
	// latest is the list of the highest number; nil where none could be opened.
	latest *Revocations
	// listedAt is the latest instant that a list was made at.
	listedAt int64
	seenList *SeenList
	problems []*problem.Problem
}

// lookUpIn looks the licence up in the list inside its file and in the one beside it, of which
// either may be nil. One that cannot be used is a problem.
func lookUpIn(inside *string, beside []byte, number string, trust *Trust, memory *Memory, path string) lookUp {
	var found lookUp
	var lists []*Revocations
	if inside != nil {
		list, err := OpenList(*inside, trust.Keyset)
		if err != nil {
			where := problem.Because("the licence file")
			found.refuse(where, err)
		} else {
			lists = append(lists, list)
		}
	}
	if beside != nil {
		list, seen, err := readBeside(beside, number, trust, memory)
		found.seenList = seen
		if err != nil {
			found.refuse(path, err)
		} else {
			lists = append(lists, list)
		}
	}
	var listing *Revocations
	for _, list := range lists {
		if listing == nil && list.Lists(number) {
			listing = list
		}
		if found.latest == nil || list.Number > found.latest.Number {
			found.latest = list
		}
		if list.Iat > found.listedAt {
			found.listedAt = list.Iat
		}
	}
	if listing != nil {
		found.problems = append(found.problems, problem.New("license-revoked", "number", number,
			"list_number", listing.Number, "listed_at", listing.Iat))
	}
	return found
}

func (l *lookUp) refuse(path any, err error) {
	l.problems = append(l.problems,
		problem.New("revocations-invalid", "path", path, "reason", ReasonOf(err)))
}

// readBeside is the list in a file, and what to remember of it: nothing but that it spares the licence.
// Where an earlier check found the licence not listed in these very bytes, they are not read again.
func readBeside(data []byte, number string, trust *Trust, memory *Memory) (*Revocations, *SeenList, error) {
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	if memory != nil && memory.Authentic && memory.List != nil && memory.List.Digest == digest &&
		memory.List.Jti == number && memory.Trust == trust.Version() {
		seen := memory.List
		return &Revocations{Number: seen.Number, Iat: seen.Iat, Exp: seen.Exp, Kid: seen.Kid}, seen, nil
	}
	blocks, err := Unwrap(data)
	if err != nil {
		return nil, nil, err
	}
	list, err := OpenOnlyList(blocks, trust.Keyset)
	if err != nil || list.Lists(number) || !list.Covers(number) {
		return list, nil, err
	}
	return list, &SeenList{digest, list.Number, list.Iat, list.Exp, list.Kid, number}, nil
}
