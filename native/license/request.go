package license

import (
	"crypto/sha256"
	"errors"
	"strings"
	"unicode/utf8"

	"hostseal/host"
)

const checkCharacters = 8

// A Request is what an operator asks for, and for which host (SPEC section 4.4). It is not signed: it
// claims, and the vendor decides. A text that is empty is absent.
type Request struct {
	Key, Name, Profile string
	// Tags are nil where only the bare line was sent.
	Tags                        []Tag
	Layer                       string
	Machines                    *int64
	GPUs                        *int64
	Customer, Product, Replaces string
	Iat                         *int64
	// ReturnDigest is of the secret by which the licence can be given back.
	ReturnDigest string
}

// RequestOf is a request for a host that has this key, made at an instant of its clock.
func RequestOf(facts *host.Facts, key host.Key, iat int64) *Request {
	request := &Request{
		Key: key.Key, Name: key.Hostname, Profile: key.Profile, Iat: &iat,
		Tags:  append([]Tag{}, host.Tags(facts, key.Profile)...),
		Layer: host.LayerTag(facts, key.Profile),
	}
	if facts.GPUs != host.Uncounted {
		count := int64(facts.GPUs)
		request.GPUs = &count
	}
	if key.Profile == host.Site {
		count := int64(host.SizeOfSite(facts))
		request.Machines = &count
	}
	return request
}

// Text is the block to mail: armour around the members and their checksum. The error is a
// *ClaimError, where a reader would refuse it.
func (r *Request) Text() (string, error) {
	for _, one := range [...][2]string{
		{"name", r.Name}, {"customer", r.Customer}, {"product", r.Product}, {"replaces", r.Replaces},
	} {
		if !utf8.ValidString(one[1]) { // an argument of a command may have any bytes
			return "", &ClaimError{one[0], "it contains a lone surrogate"}
		}
	}
	payload := WriteJSON(r.Members())
	if _, err := readRequest(payload); err != nil {
		return "", err
	}
	return Wrap(RequestLabel, EncodeBase64URL(payload)+"."+checksum(payload)), nil
}

// Members are those of SPEC section 4.4, in its order.
func (r *Request) Members() *Object {
	return NewObject("ver", 1, "key", r.Key, "name", given(r.Name), "profile", given(r.Profile),
		"tags", objectOf(r.Tags), "layer", given(r.Layer), "return", given(r.ReturnDigest),
		"machines", present(r.Machines), "gpus", present(r.GPUs),
		"customer", given(r.Customer), "product", given(r.Product), "replaces", given(r.Replaces),
		"iat", present(r.Iat))
}

// objectOf are tags as a member; nil: there are none.
func objectOf(tags []Tag) any {
	if tags == nil {
		return nil
	}
	object := NewObject()
	for _, tag := range tags {
		object.put(tag.Name, tag.Tag)
	}
	return object
}

// OpenRequest reads the token of a request, in the first of its readings that is whole.
func OpenRequest(token string) (request *Request, err error) {
	for _, reading := range Readings(token) {
		if request, err = openRequest(reading); err == nil {
			break
		}
	}
	return request, err
}

func openRequest(token string) (*Request, error) {
	body, check, _ := strings.Cut(token, ".")
	payload, err := DecodeBase64URL(body)
	if err != nil {
		return nil, err
	}
	if check != checksum(payload) {
		return nil, errors.New("its checksum is wrong")
	}
	return readRequest(payload)
}

func readRequest(payload []byte) (*Request, error) {
	value, err := ParseJSON(payload)
	if err != nil {
		return nil, err
	}
	object, ok := value.(*Object)
	if !ok {
		return nil, &ClaimError{"request", "it is not an object"}
	}
	c := &claims{members: object}
	if valueOf(c.integer("ver", 0, MaxInteger)) != 1 {
		c.refuse("ver", "its version is not supported")
	}
	request := &Request{
		Key:     c.required("key").hostKey("key"),
		Name:    c.text("name"),
		Profile: c.oneOf("profile", host.Profiles[:]...),
	}
	if request.Profile == "" {
		request.Profile = host.DefaultProfile
	}
	request.Tags = c.tags("tags", host.Tagged(request.Profile))
	request.GPUs = c.integer("gpus", 0, MaxInteger)
	request.Customer = c.text("customer")
	request.Product = c.text("product")
	request.Replaces = c.text("replaces")
	request.Iat = c.instant("iat")
	request.Layer = c.tag("layer")
	request.Machines = c.integer("machines", 0, MaxInteger)
	request.ReturnDigest = c.digest("return")
	return request, c.done()
}

// checksum is that of the payload of a request.
func checksum(payload []byte) string {
	sum := sha256.Sum256(payload)
	return EncodeBase64URL(sum[:])[:checkCharacters]
}
