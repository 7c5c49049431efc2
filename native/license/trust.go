package license

import (
	"errors"
	"strings"

	"hostseal/problem"
)

// A Version of the trust: later roots come before a later keyset.
type Version struct{ Roots, Keyset int64 }

// Before tells whether this version is lower than another.
func (v Version) Before(other Version) bool {
	return v.Roots < other.Roots || v.Roots == other.Roots && v.Keyset < other.Keyset
}

// A Trust is the keyset that counts, and the documents that lead to the roots which signed it.
type Trust struct {
	Keyset       *Keyset
	RootsVersion int64
	RootsTokens  []string
}

// Version is that of the trust.
func (t *Trust) Version() Version { return Version{t.RootsVersion, t.Keyset.Version} }

// Wrap is the text of conf/license.trust.
func (t *Trust) Wrap() string {
	var text strings.Builder
	for _, token := range t.RootsTokens {
		text.WriteString(Wrap(RootsLabel, token))
	}
	for _, token := range t.Keyset.Tokens {
		text.WriteString(Wrap(KeysetLabel, token))
	}
	return text.String()
}

// OpenTrust is the trust that blocks and what was known before them lead to (SPEC section 6.4). At
// least needed of the roots must sign; keysPath is where they stand, for messages.
func OpenTrust(blocks, known Blocks, roots []PublicKey, needed int64, keysPath string) (*Trust, *problem.Problem) {
	chain, err := FollowRoots(both(known, blocks, RootsLabel), roots, needed)
	var skipped *skippedError
	if errors.As(err, &skipped) {
		return nil, problem.New("roots-skipped", "known", skipped.known, "found", skipped.found)
	}
	if err != nil {
		return nil, problem.New("roots-invalid", "reason", ReasonOf(err))
	}
	tokens := both(known, blocks, KeysetLabel)
	if len(tokens) == 0 {
		return nil, problem.New("keyset-missing")
	}
	keyset, err := OpenKeyset(tokens, chain.Roots.Keys, chain.Roots.Threshold)
	var refused *TokenError
	switch {
	case errors.As(err, &refused):
		return nil, Untrusted(refused, chain.Roots, keysPath)
	case err != nil:
		return nil, problem.New("keyset-invalid", "reason", ReasonOf(err))
	}
	return &Trust{keyset, chain.Roots.Version, chain.Tokens}, nil
}

// both are the tokens of a label: what was known first.
func both(known, blocks Blocks, label string) []string {
	return append(append([]string{}, known[label]...), blocks[label]...)
}

// Untrusted is the problem of a keyset that roots do not vouch for.
func Untrusted(refused *TokenError, roots *Roots, keysPath string) *problem.Problem {
	if refused.Kind == Malformed {
		return problem.New("license-damaged", "reason",
			problem.Because("the keyset: {reason}", "reason", refused.Reason))
	}
	kids := make([]string, len(roots.Keys))
	for at, key := range roots.Keys {
		kids[at] = key.Kid
	}
	return problem.New("keyset-untrusted", "reason", whyUntrusted(refused, roots.Version),
		"trusted", strings.Join(kids, ", "), "keys", keysPath)
}

func whyUntrusted(refused *TokenError, version int64) problem.Reason {
	switch {
	case refused.Kind == TooFewSigners:
		return problem.Because(
			"{count:# trusted root key|# trusted root keys} signed it; {needed} must",
			"count", refused.Signed, "needed", refused.Needed)
	case version == 0:
		return problem.Because("no trusted root key signed it")
	}
	return problem.Because("no root key of version {version} signed it, and no LICENSE ROOTS block"+
		" brings newer keys", "version", version)
}
