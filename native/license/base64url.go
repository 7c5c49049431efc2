package license

import (
	"encoding/base64"
	"errors"
)

var (
	errNotBase64URL = errors.New("not base64url")
	errNotCanonical = errors.New("not canonical base64url")
)

var base64URL = base64.RawURLEncoding.Strict()

// inBase64URL are the characters of base64url; inToken those of a token, which has dots as well.
var inBase64URL, inToken = func() (characters, ofToken [256]bool) {
	const all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, one := range []byte(all) {
		characters[one] = true
	}
	ofToken = characters
	ofToken['.'] = true
	return
}()

// EncodeBase64URL is the base64url text of data, without padding.
func EncodeBase64URL(data []byte) string {
	return base64URL.EncodeToString(data)
}

// DecodeBase64URL is what text encodes, where text is exactly what EncodeBase64URL writes.
func DecodeBase64URL(text string) ([]byte, error) {
	if !consistsOf(text, &inBase64URL) || len(text)%4 == 1 {
		return nil, errNotBase64URL // the decoder passes line breaks over
	}
	data := make([]byte, base64URL.DecodedLen(len(text)))
	if _, err := base64URL.Decode(data, bytesOf(text)); err != nil {
		return nil, errNotCanonical
	}
	return data, nil
}

func consistsOf(text string, characters *[256]bool) bool {
	for at := 0; at < len(text); at++ {
		if !characters[text[at]] {
			return false
		}
	}
	return true
}
