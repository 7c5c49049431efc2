package update

import (
	"errors"
	"fmt"
	"strings"

	"hostseal/license"
	"hostseal/problem"
)

// Unusable is a problem for each keyset, roots document and list of the file at path that is of no
// use here. What this host, or the file itself, has a later version of is of use: it was believed
// once.
//
// A check passes such blocks over, since what it is about holds without them. A file that is
// installed is taken as a whole or not at all, or nobody would learn that what the vendor sent did
// not arrive.
func Unusable(blocks license.Blocks, path any, known *Known) []*problem.Problem {
	documents := append(append([]string(nil), known.Blocks[license.RootsLabel]...), blocks[license.RootsLabel]...)
	chain, _ := license.FollowRoots(documents, known.Roots, known.Needed) // where it leads on wrongly, so far
	found := append(ofRoots(blocks, known, chain), ofKeysets(blocks, known, chain)...)
	if tokens := unlike(blocks[license.RevocationsLabel]); tokens != nil {
		lists := license.Blocks{license.RevocationsLabel: tokens}
		jti := known.Number
		if blocks[license.LicenseLabel] != nil {
			jti = "" // a licence has its own list with it, and the one that is installed is not it
		}
		if _, _, refused := openGivenList(lists, keysetOf(blocks, known), path, jti); refused != nil {
			found = append(found, refused)
		}
	}
	return found
}

// WhatIsWrong is a problem and its reason, whichever of several blocks it is said of.
func WhatIsWrong(of *problem.Problem) string {
	reason := of.Values["reason"]
	if made, ok := reason.(problem.Reason); ok && made.Template == ofSeveral {
		reason = made.Values["reason"]
	}
	return of.Slug + "\n" + fmt.Sprint(reason)
}

func unlike(tokens []string) []string {
	var found []string
	for _, token := range tokens {
		if !contains(found, token) {
			found = append(found, token)
		}
	}
	return found
}

func ofRoots(blocks license.Blocks, known *Known, chain *license.Chain) []*problem.Problem {
	var found []*problem.Problem
	for _, one := range opened(license.RootsLabel, license.RootsType, blocks, known, chain) {
		var roots *license.Roots
		reason := one.reason()
		if one.refused == nil {
			var err error
			if roots, err = license.ParseRoots(one.payload); err != nil {
				reason = license.ReasonOf(err)
			}
		}
		last := chain.Roots.Version
		if reason != nil {
			found = append(found, problem.New("roots-invalid", "reason", one.numbered(reason)))
		} else if roots.Version > last+1 { // of one that could follow on, the check says why it does not
			found = append(found, problem.New("roots-skipped", "known", last, "found", roots.Version))
		}
	}
	return found
}

func ofKeysets(blocks license.Blocks, known *Known, chain *license.Chain) []*problem.Problem {
	var found []*problem.Problem
	for _, one := range opened(license.KeysetLabel, license.KeysetType, blocks, known, chain) {
		if one.refused != nil {
			refused := license.Untrusted(one.refused, chain.Roots, known.KeysPath)
			refused.Values["reason"] = one.numbered(refused.Values["reason"])
			found = append(found, refused)
		} else if _, err := license.ParseKeyset(one.payload); err != nil {
			found = append(found, problem.New("keyset-invalid", "reason", one.numbered(license.ReasonOf(err))))
		}
	}
	return found
}

// openGivenList is the list of the licence with this number in the blocks of the file at path: its
// block, and read. By a key of keyset (nil: there is none).
func openGivenList(
	blocks license.Blocks, keyset *license.Keyset, path any, jti string,
) (string, *license.Revocations, *problem.Problem) {
	if keyset == nil {
		reason := problem.Because("no keyset on this host can verify it")
		unvouched := problem.New("revocations-invalid", "path", path, "reason", reason)
		return "", nil, unvouched.Advised([]string{"install-a-licence-first"}, nil)
	}
	token, found, err := license.OpenOwnList(blocks, keyset, jti)
	if err != nil {
		refused := problem.New("revocations-invalid", "path", path, "reason", license.ReasonOf(err))
		var ofOthers license.NotCovered
		if errors.As(err, &ofOthers) {
			refused.Advised([]string{"ask-for-own-list"}, problem.Of("number", jti))
		}
		return "", nil, refused
	}
	return token, found, nil
}

// keysetOf is the keyset that the file leads to; the one that was known where it leads nowhere.
func keysetOf(blocks license.Blocks, known *Known) *license.Keyset {
	for _, more := range []license.Blocks{blocks, {}} {
		if trust, refused := known.trust(more, known.Blocks); refused == nil {
			return trust.Keyset
		}
	}
	return nil
}

// A block is one that was opened.
type block struct {
	at, of  int
	payload []byte
	// refused is why it has none that enough root keys signed.
	refused *license.TokenError
}

func (b *block) reason() any {
	if b.refused == nil {
		return nil
	}
	return license.ReasonOf(b.refused)
}

const ofSeveral = "block {number} of {count}: {reason}"

// numbered is reason, with the number of the block where there are several.
func (b *block) numbered(reason any) any {
	if b.of == 1 {
		return reason
	}
	return problem.Because(ofSeveral, "number", b.at, "count", b.of, "reason", reason)
}

// opened is each block of label, with the payload that enough root keys signed, or why there is
// none. Enough of one version of the roots, whichever; a block by a key that is not known here
// counts where it says the same as those that are.
func opened(label, typ string, blocks license.Blocks, known *Known, chain *license.Chain) []*block {
	var candidates []string
	for _, text := range append(append([]string(nil), known.Blocks[label]...), blocks[label]...) {
		candidates = append(candidates, license.Readings(text)...)
	}
	seen := signed{vouched: map[string]bool{}, few: map[string]*license.TokenError{}, trusted: license.Headers{}}
	for _, roots := range append(append([]*license.Roots(nil), chain.Former...), chain.Roots) {
		headers := license.HeadersOf(roots.Keys, typ)
		for header, key := range headers {
			seen.trusted[header] = key
		}
		seen.count(candidates, headers, roots.Threshold)
	}
	var found []*block
	told := map[string]bool{}
	for i, text := range blocks[label] {
		one := &block{at: i + 1, of: len(blocks[label])}
		one.payload, one.refused = seen.open(text)
		// A document that several keys signed is several blocks, and is named once.
		what := middle(text) + "\n" + string(one.payload)
		if one.refused != nil {
			what = middle(text) + "\n" + one.refused.Error()
		}
		if !told[what] {
			told[what] = true
			found = append(found, one)
		}
	}
	return found
}

// middle is a token without its header and signature.
func middle(token string) string {
	_, rest, _ := strings.Cut(token, ".")
	at := strings.LastIndexByte(rest, '.')
	if at < 0 {
		return ""
	}
	return rest[:at]
}

// signed are the payloads that root keys signed.
type signed struct {
	vouched map[string]bool
	few     map[string]*license.TokenError
	trusted license.Headers
}

func (s *signed) count(candidates []string, headers license.Headers, threshold int64) {
	signers := map[string]map[string]bool{}
	for _, token := range candidates {
		key, payload, refused := license.VerifyToken(token, headers)
		if refused != nil {
			continue
		}
		if signers[string(payload)] == nil {
			signers[string(payload)] = map[string]bool{}
		}
		signers[string(payload)][key.Kid] = true
	}
	for payload, keys := range signers {
		if count := int64(len(keys)); count >= threshold {
			s.vouched[payload] = true
		} else {
			s.few[payload] = license.TooFew(count, threshold)
		}
	}
}

func (s *signed) open(text string) ([]byte, *license.TokenError) {
	var last *license.TokenError
	for _, reading := range license.Readings(text) {
		_, payload, refused := license.VerifyToken(reading, s.trusted)
		switch {
		case refused == nil:
			last = s.few[string(payload)]
		case refused.Kind == license.UnknownHeader:
			last = refused
			payload, _ = license.DecodeBase64URL(strings.Split(reading, ".")[1])
			if few := s.few[string(payload)]; few != nil {
				last = few
			}
		default:
			last = refused
			continue
		}
		if s.vouched[string(payload)] {
			return payload, nil
		}
	}
	return nil, last
}
