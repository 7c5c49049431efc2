package license

import "hostseal/problem"

// Roots are the root keys that a vendor trusts at one version (SPEC section 6.3).
type Roots struct {
	Iss string
	// Version 0 is what the product ships; from 1 on a version is a document.
	Version, Iat int64
	// Threshold is how many of the keys must sign.
	Threshold int64
	Keys      []PublicKey
}

// ParseRoots reads the payload of a roots document.
func ParseRoots(payload []byte) (*Roots, error) {
	value, err := ParseJSON(payload)
	if err != nil {
		return nil, err
	}
	c := claimsOf(value)
	roots := &Roots{}
	seen := map[PublicKey]bool{}
	for _, entry := range c.entries() {
		key := c.key(entry)
		if seen[key] {
			c.refuse("keys", "it contains a key twice")
		}
		seen[key] = true
		roots.Keys = append(roots.Keys, key)
	}
	roots.Iss = c.required("iss").text("iss")
	roots.Version = valueOf(c.required("version").integer("version", 1, MaxInteger))
	roots.Iat = valueOf(c.required("iat").instant("iat"))
	most := int64(len(roots.Keys))
	roots.Threshold = valueOf(c.required("threshold").integer("threshold", 1, most))
	return roots, c.done()
}

// A Chain is the latest roots that documents lead to, and the tokens that they are proven by.
type Chain struct {
	Roots  *Roots
	Tokens []string
	// Former are the versions before the latest, in their order.
	Former []*Roots
}

// A skippedError: the roots that are trusted signed later ones, but a version between is not there.
type skippedError struct{ known, found int64 }

func (e *skippedError) Error() string {
	return problem.Because("version {known} is followed by version {found}",
		"known", e.known, "found", e.found).String()
}

// TooFew is that too few of the root keys signed.
func TooFew(signed, needed int64) *TokenError {
	reason := problem.Because(
		"{count} of {needed:# required root key|# required root keys} signed it",
		"count", signed, "needed", needed)
	return &TokenError{TooFewSigners, reason, signed, needed}
}

// FollowRoots goes from the roots that the product ships to the latest that tokens prove, one
// version after the other. With an error comes the chain as far as it leads.
func FollowRoots(tokens []string, shipped []PublicKey, needed int64) (*Chain, error) {
	candidates := allReadings(tokens)
	chain := &Chain{Roots: &Roots{Threshold: needed, Keys: shipped}}
	for {
		next, tokens, err := nextRoots(candidates, chain.Roots)
		if next == nil {
			return chain, err
		}
		former := append(chain.Former[:len(chain.Former):len(chain.Former)], chain.Roots)
		chain = &Chain{next, append(chain.Tokens, tokens...), former}
	}
}

// nextRoots is the version after the trusted one, with the tokens that prove it; nil: there is none.
func nextRoots(candidates []string, trusted *Roots) (*Roots, []string, error) {
	var later int64
	for _, signed := range signedBy(candidates, HeadersOf(trusted.Keys, RootsType)) {
		if int64(len(signed.signers)) < trusted.Threshold {
			continue
		}
		roots, err := ParseRoots(signed.payload)
		if err != nil {
			return nil, nil, err
		}
		if roots.Version <= trusted.Version {
			continue
		}
		if roots.Version > trusted.Version+1 {
			later = roots.Version
			continue
		}
		var own *signedPayload
		for _, other := range signedBy(candidates, HeadersOf(roots.Keys, RootsType)) {
			if string(other.payload) == string(signed.payload) {
				own = other
			}
		}
		if own == nil {
			own = &signedPayload{}
		}
		if count := int64(len(own.signers)); count < roots.Threshold {
			return nil, nil, &ClaimError{"threshold", problem.Because(
				"{count:# of its own keys|# of its own keys} signed it; {needed} must",
				"count", count, "needed", roots.Threshold)}
		}
		for at, key := range own.signers {
			signed.add(key, own.tokens[at])
		}
		return roots, signed.tokens, nil
	}
	if later > 0 {
		return nil, nil, &skippedError{trusted.Version, later}
	}
	return nil, nil, nil
}
