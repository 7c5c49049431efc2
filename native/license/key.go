package license

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"

	"hostseal/problem"
)

// A PublicKey is an Ed25519 public key that SPEC section 6.1 does not refuse.
type PublicKey struct {
	Raw [ed25519.PublicKeySize]byte
	// Kid is its RFC 7638 thumbprint.
	Kid string
}

// NewPublicKey is the key of 32 bytes.
func NewPublicKey(raw []byte) (PublicKey, error) {
	var key PublicKey
	if len(raw) != len(key.Raw) {
		return key, problem.Because("a key has 32 bytes, not {count}", "count", len(raw))
	}
	copy(key.Raw[:], raw)
	if isRefused(key.Raw) {
		return key, errors.New("the point is of small order or not canonical")
	}
	thumbprint := sha256.Sum256([]byte(
		`{"crv":"Ed25519","kty":"OKP","x":"` + EncodeBase64URL(raw) + `"}`))
	key.Kid = EncodeBase64URL(thumbprint[:])
	return key, nil
}

// The y-coordinates of the points of order 1, 2, 4 and 8, but for those that end in ones.
var smallOrder = func() (all [4][32]byte) {
	all[1][0] = 1
	for at, text := range []string{
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	} {
		raw, _ := hex.DecodeString(text)
		copy(all[2+at][:], raw)
	}
	return
}()

// isRefused tells whether the point is of small order, or its y-coordinate not below the field.
func isRefused(raw [32]byte) bool {
	raw[31] &= 0x7f // the sign of x
	for _, y := range smallOrder {
		if raw == y {
			return true
		}
	}
	// p - 1 is of order 2; p and above are not canonical. All of them begin so, from their end on.
	isOnes := raw[31] == 0x7f && bytes.Count(raw[1:31], []byte{0xff}) == 30
	return isOnes && raw[0] >= 0xec
}

// verifies tells whether signature over message was made with this key. The equation is that
// without a cofactor, S is less than the order, and R is compared as it is written (SPEC 5.1).
func (k *PublicKey) verifies(signature, message []byte) bool {
	return len(signature) == ed25519.SignatureSize && ed25519.Verify(k.Raw[:], message, signature)
}

// Verifies tells whether signature over message was made with this key.
func (k *PublicKey) Verifies(signature, message []byte) bool { return k.verifies(signature, message) }

const (
	pemBegin = "-----BEGIN PUBLIC KEY-----"
	pemEnd   = "-----END PUBLIC KEY-----"
	// All that an Ed25519 SubjectPublicKeyInfo begins with (RFC 8410 section 4).
	spkiPrefix = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"
)

// ReadPublicKey reads the one block PUBLIC KEY in the text of a file.
func ReadPublicKey(text string) (PublicKey, error) {
	var whole []string
	for _, rest := range strings.Split(text, pemBegin)[1:] {
		if body, _, ended := strings.Cut(rest, pemEnd); ended {
			whole = append(whole, body)
		}
	}
	if len(whole) != 1 {
		return PublicKey{}, problem.Because(
			"it has {count:# PUBLIC KEY block|# PUBLIC KEY blocks}, not exactly one",
			"count", len(whole))
	}
	body := strings.Join(strings.FieldsFunc(whole[0], isWhite), "")
	der, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		return PublicKey{}, errors.New("its base64 is invalid")
	}
	if !strings.HasPrefix(string(der), spkiPrefix) {
		return PublicKey{}, errors.New("it is not an Ed25519 key")
	}
	return NewPublicKey(der[len(spkiPrefix):])
}

// keyOfJWK reads an entry of a JWK Set, which names its key by its thumbprint.
func keyOfJWK(entry any) (PublicKey, error) {
	jwk, ok := entry.(*Object)
	if !ok {
		return PublicKey{}, &ClaimError{"keys", "an entry is not an object"}
	}
	if jwk.values["kty"] != "OKP" || jwk.values["crv"] != "Ed25519" {
		return PublicKey{}, &ClaimError{"keys", "it is not an Ed25519 key"}
	}
	x, ok := jwk.values["x"].(string)
	if !ok {
		return PublicKey{}, &ClaimError{"keys", "its x is not a string"}
	}
	raw, err := DecodeBase64URL(x)
	if err != nil {
		return PublicKey{}, &ClaimError{"keys", ReasonOf(err)}
	}
	key, err := NewPublicKey(raw)
	switch {
	case err != nil:
		return key, &ClaimError{"keys", ReasonOf(err)}
	case jwk.values["kid"] != key.Kid:
		return key, &ClaimError{"kid", "it is not the thumbprint of its key"}
	case jwk.values["alg"] != "Ed25519":
		return key, &ClaimError{"alg", "it is not Ed25519"}
	}
	return key, nil
}
