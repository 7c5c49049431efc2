package license

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"hostseal/problem"
)

const (
	// SecretBytes has a secret by which a licence can be given back.
	SecretBytes = 32
	maxSecrets  = 8
)

// DigestOf is what a request and a licence name a secret by (SPEC section 4.6).
func DigestOf(secret []byte) string {
	sum := sha256.Sum256(append([]byte("hostseal return\n"), secret...))
	return EncodeBase64URL(sum[:])
}

// Returned is what a host says of a licence that it gave back.
type Returned struct {
	Number string
	// Iat is when, in seconds, by the host's clock.
	Iat int64
	// Secret is what the licence names the digest of; nil: it names none, or the host has lost it.
	Secret []byte
}

// Text is what to send: words for people, then the block. No host key is in it, which a reader of
// requests might take for that of a request.
func (r *Returned) Text() string {
	members := NewObject("ver", 1, "number", r.Number, "iat", r.Iat)
	if r.Secret != nil {
		members.put("secret", EncodeBase64URL(r.Secret))
	}
	payload := WriteJSON(members)
	return fmt.Sprintf(
		"A licence was given back. Please send this whole text to your vendor.\n\n"+
			"Licence   %s\nRemoved   %s\n\n%s",
		problem.Printable(r.Number), problem.UTC(r.Iat),
		Wrap(ReturnLabel, EncodeBase64URL(payload)+"."+checksum(payload)))
}

// ParseReturned is the return text that this client wrote; nil where it is none.
func ParseReturned(data []byte) *Returned {
	blocks, err := Unwrap(data)
	if err != nil || len(blocks[ReturnLabel]) != 1 {
		return nil
	}
	body, check, _ := strings.Cut(blocks[ReturnLabel][0], ".")
	payload, err := DecodeBase64URL(body)
	if err != nil || check != checksum(payload) {
		return nil
	}
	c, err := versionOne(payload)
	if err != nil {
		return nil
	}
	returned := &Returned{
		Number: c.required("number").text("number"),
		Iat:    valueOf(c.required("iat").instant("iat")),
	}
	if secret := c.digest("secret"); secret != "" {
		returned.Secret, _ = DecodeBase64URL(secret)
	}
	if c.err != nil {
		return nil
	}
	return returned
}

// A Secret is what the requests with a host key name.
type Secret struct {
	Key    string
	Secret []byte
}

// Secrets are those of a host, which nobody else may read; the one that was asked for last is first.
type Secrets []Secret

// ParseSecrets reads what Dump wrote.
func ParseSecrets(data []byte) (Secrets, error) {
	c, err := versionOne(data)
	if err != nil {
		return nil, err
	}
	value, _ := c.members.Get("secrets")
	items, ok := value.([]any)
	if !ok {
		return nil, errors.New("secrets is not an array")
	}
	var secrets Secrets
	for at, item := range items {
		members, ok := item.(*Object)
		if !ok {
			return nil, errors.New("a secret is not an object")
		}
		if at == maxSecrets {
			break
		}
		c := &claims{members: members}
		key := c.required("key").hostKey("key")
		secret, _ := DecodeBase64URL(c.required("secret").digest("secret"))
		if c.err != nil {
			return nil, c.err
		}
		secrets = append(secrets, Secret{key, secret})
	}
	return secrets, nil
}

// Asked are the secrets with one of key, which is drawn where there is none.
func (s Secrets) Asked(key string, draw func() []byte) Secrets {
	var own []byte
	others := Secrets{}
	for _, one := range s {
		if one.Key != key {
			others = append(others, one)
		} else if own == nil {
			own = one.Secret
		}
	}
	if own == nil {
		own = draw()
	}
	if len(others) > maxSecrets-1 {
		others = others[:maxSecrets-1]
	}
	return append(Secrets{{key, own}}, others...)
}

// Fitting is the secret that a digest is of; nil: there is none.
func (s Secrets) Fitting(digest string) []byte {
	for _, one := range s {
		if DigestOf(one.Secret) == digest {
			return one.Secret
		}
	}
	return nil
}

// Without are those that are left once a secret was revealed.
func (s Secrets) Without(secret []byte) Secrets {
	left := Secrets{}
	for _, one := range s {
		if string(one.Secret) != string(secret) {
			left = append(left, one)
		}
	}
	return left
}

// Dump are the bytes of the file.
func (s Secrets) Dump() []byte {
	listed := make([]any, len(s))
	for at, one := range s {
		listed[at] = NewObject("key", one.Key, "secret", EncodeBase64URL(one.Secret))
	}
	return append(WriteJSON(NewObject("ver", 1, "secrets", listed)), '\n')
}
