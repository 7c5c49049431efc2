package license

// A SigningKey is a key that signs licences, and what it may sign.
type SigningKey struct {
	Key PublicKey
	// Licences issued from Nbf on and before Exp.
	Nbf, Exp int64
	// State is active, retired or revoked.
	State string
	// Products are nil where it may sign for all.
	Products []string
}

// A Keyset has the signing keys of a vendor at one version (SPEC section 6.1).
type Keyset struct {
	Iss          string
	Version, Iat int64
	Exp          *int64
	Keys         []SigningKey
	// Tokens are what it was read from: one of each root key that signed it.
	Tokens []string
}

// ParseKeyset reads the payload of a keyset.
func ParseKeyset(payload []byte) (*Keyset, error) {
	value, err := ParseJSON(payload)
	if err != nil {
		return nil, err
	}
	c := claimsOf(value)
	keyset := &Keyset{}
	seen := map[PublicKey]bool{}
	for _, entry := range c.entries() {
		key := c.signingKey(entry)
		if seen[key.Key] {
			c.refuse("keys", "it contains a key twice")
		}
		seen[key.Key] = true
		keyset.Keys = append(keyset.Keys, key)
	}
	keyset.Iss = c.required("iss").text("iss")
	keyset.Version = valueOf(c.required("version").integer("version", 1, MaxInteger))
	keyset.Iat = valueOf(c.required("iat").instant("iat"))
	keyset.Exp = c.instant("exp")
	return keyset, c.done()
}

// entries are those of the member keys.
func (c *claims) entries() []any {
	value, _ := c.members.Get("keys")
	entries, _ := value.([]any)
	if len(entries) == 0 {
		c.refuse("keys", "it is not an array of keys")
	}
	return entries
}

// key is that of an entry; what is wrong with it is wrong with the whole.
func (c *claims) key(entry any) PublicKey {
	key, err := keyOfJWK(entry)
	if claim, ok := err.(*ClaimError); ok {
		c.refuse(claim.Claim, claim.Reason)
	}
	return key
}

func (c *claims) signingKey(entry any) SigningKey {
	made := SigningKey{Key: c.key(entry)}
	if c.err != nil {
		return made
	}
	own := claimsOf(entry)
	made.Nbf = valueOf(own.required("nbf").instant("nbf"))
	made.Exp = valueOf(own.required("exp").instant("exp"))
	made.State = own.required("state").oneOf("state", "active", "retired", "revoked")
	made.Products = own.names("products")
	c.err = own.err
	return made
}

func valueOf(number *int64) int64 {
	if number == nil {
		return 0
	}
	return *number
}

// Trusts tells whether the key of this kid is there and not revoked.
func (k *Keyset) Trusts(kid string) bool {
	for _, key := range k.Keys {
		if key.Key.Kid == kid {
			return key.State != "revoked"
		}
	}
	return false
}

// keys are those of the keyset, or only those that are not revoked.
func (k *Keyset) keys(withRevoked bool) []PublicKey {
	var keys []PublicKey
	for _, key := range k.Keys {
		if withRevoked || key.State != "revoked" {
			keys = append(keys, key.Key)
		}
	}
	return keys
}

// entry is what the keyset says of one of its keys.
func (k *Keyset) entry(key PublicKey) *SigningKey {
	for at := range k.Keys {
		if k.Keys[at].Key == key {
			return &k.Keys[at]
		}
	}
	return nil
}

// OpenKeyset is the keyset of the highest version that at least needed of the roots signed; the
// first of equals. Else the error is a *TokenError, or what is wrong with one that enough signed.
func OpenKeyset(tokens []string, roots []PublicKey, needed int64) (*Keyset, error) {
	trusted := HeadersOf(roots, KeysetType)
	candidates := allReadings(tokens)
	var newest *Keyset
	var invalid error
	var most int64
	for _, signed := range signedBy(candidates, trusted) {
		count := int64(len(signed.signers))
		if count > most {
			most = count
		}
		if count < needed {
			continue
		}
		keyset, err := ParseKeyset(signed.payload)
		if err != nil {
			invalid = err
		} else if newest == nil || keyset.Version > newest.Version {
			newest, keyset.Tokens = keyset, signed.tokens
		}
	}
	switch {
	case newest != nil:
		return newest, nil
	case invalid != nil:
		return nil, invalid
	case most > 0:
		return nil, TooFew(most, needed)
	}
	_, _, refused := VerifyToken(candidates[len(candidates)-1], trusted)
	return nil, refused
}
