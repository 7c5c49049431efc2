package license

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf8"

	"hostseal/problem"
)

// The types of tokens, as their headers say.
const (
	LicenseType     = "license+jwt"
	KeysetType      = "license-keyset+jwt"
	RootsType       = "license-roots+jwt"
	RevocationsType = "license-revocations+jwt"
)

const (
	signatureCharacters = 86
	mostDamaged         = 4
)

// What is wrong with a token, in the order in which it is found.
const (
	Malformed = iota
	UnknownHeader
	WrongSignature
	TooFewSigners
)

// A TokenError says why a token is not accepted.
type TokenError struct {
	Kind int
	// Reason is a string or a problem.Reason.
	Reason any
	// Signed and Needed are numbers of keys, where there were too few signers.
	Signed, Needed int64
}

func (e *TokenError) Error() string {
	if reason, ok := e.Reason.(problem.Reason); ok {
		return reason.String()
	}
	return e.Reason.(string)
}

// ReasonOf is what an error of this package says, as a value of a problem: a text, or a Reason that
// can be said in any language.
func ReasonOf(err error) any {
	var token *TokenError
	var claim *ClaimError
	var reason problem.Reason
	switch {
	case errors.As(err, &token):
		return token.Reason
	case errors.As(err, &claim):
		return claim.reason()
	case errors.As(err, &reason):
		return reason
	}
	return err.Error()
}

// Headers are the first parts of tokens that keys would have made for a type, with those keys.
type Headers map[string]PublicKey

// HeadersOf makes the Headers of keys for a type of token.
func HeadersOf(keys []PublicKey, typ string) Headers {
	headers := make(Headers, len(keys))
	for _, key := range keys {
		text := `{"alg":"Ed25519","kid":"` + key.Kid + `","typ":"` + typ + `"}`
		headers[base64.RawURLEncoding.EncodeToString([]byte(text))] = key
	}
	return headers
}

// VerifyToken is the key that signed a token, and the payload that it signed (SPEC section 5.1).
func VerifyToken(token string, trusted Headers) (PublicKey, []byte, *TokenError) {
	parts := strings.SplitN(token, ".", 4)
	if len(parts) != 3 {
		count := strings.Count(token, ".") + 1
		return refused(Malformed, problem.Because(
			"it has {count:# part|# parts}, not 3", "count", count))
	}
	if count := utf8.RuneCountInString(parts[2]); count != signatureCharacters {
		return refused(Malformed, problem.Because(
			"its signature has {count:# character|# characters}, not {wanted}",
			"count", count, "wanted", signatureCharacters))
	}
	payload, err := DecodeBase64URL(parts[1])
	if err != nil {
		return refused(Malformed, err.Error())
	}
	signature, err := DecodeBase64URL(parts[2])
	if err != nil {
		return refused(Malformed, err.Error())
	}
	key, ok := trusted[parts[0]]
	if !ok {
		for header := range trusted {
			if isDamaged(parts[0], header) {
				return refused(Malformed, "its header is damaged")
			}
		}
		return refused(UnknownHeader, "no trusted key matches its header")
	}
	signed := token[:len(token)-len(parts[2])-1]
	if !key.verifies(signature, bytesOf(signed)) {
		return refused(WrongSignature, "its signature is invalid")
	}
	return key, payload, nil
}

func refused(kind int, reason any) (PublicKey, []byte, *TokenError) {
	return PublicKey{}, nil, &TokenError{Kind: kind, Reason: reason}
}

// isDamaged tells whether a header is a trusted one but for one place of few bytes.
func isDamaged(header, trusted string) bool {
	shorter, longer := header, trusted
	if len(shorter) > len(longer) {
		shorter, longer = longer, shorter
	}
	front := 0
	for front < len(shorter) && shorter[front] == longer[front] {
		front++
	}
	back := 0
	for back < len(shorter)-front && shorter[len(shorter)-1-back] == longer[len(longer)-1-back] {
		back++
	}
	return len(longer)-front-back <= mostDamaged
}

// A signedPayload is a payload with the keys that signed it, and a token of each.
type signedPayload struct {
	payload []byte
	signers []PublicKey
	tokens  []string
}

// signedBy are the payloads that trusted keys signed, in the order of their first tokens. A key
// counts once, in however many tokens; what no trusted key signed is passed over.
func signedBy(tokens []string, trusted Headers) []*signedPayload {
	var found []*signedPayload
	byPayload := map[string]*signedPayload{}
	seen := map[string]bool{}
	for _, token := range tokens {
		if seen[token] {
			continue
		}
		seen[token] = true
		key, payload, refused := VerifyToken(token, trusted)
		if refused != nil {
			continue
		}
		one := byPayload[textOf(payload)]
		if one == nil {
			one = &signedPayload{payload: payload}
			byPayload[textOf(payload)] = one
			found = append(found, one)
		}
		one.add(key, token)
	}
	return found
}

func (s *signedPayload) add(key PublicKey, token string) {
	for _, other := range s.signers {
		if other == key {
			return
		}
	}
	s.signers, s.tokens = append(s.signers, key), append(s.tokens, token)
}

// allReadings are the readings of all tokens.
func allReadings(tokens []string) []string {
	var all []string
	for _, token := range tokens {
		all = append(all, Readings(token)...)
	}
	return all
}
