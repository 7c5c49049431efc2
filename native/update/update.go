package update

import (
	"hostseal/license"
	"hostseal/problem"
)

// Known is what a host knew before it was given a file.
type Known struct {
	// Blocks are those of license.trust and of the licence that is installed.
	Blocks license.Blocks
	// Roots are the root keys that the product ships; Needed of them must sign.
	Roots  []license.PublicKey
	Needed int64
	// KeysPath is where they stand, for messages.
	KeysPath string
	// Number is that of the licence that is installed; empty: there is none that can be read.
	Number string
}

func (k *Known) trust(blocks, known license.Blocks) (*license.Trust, *problem.Problem) {
	return license.OpenTrust(blocks, known, k.Roots, k.Needed, k.KeysPath)
}

// An Update is what a file without a licence brings. Nothing older than what was known or seen is
// let in.
type Update struct {
	// Trust is nil where the file has neither keyset nor roots.
	Trust       *license.Trust
	Revocations *license.Revocations
	// Token is the block of that list, as it stands in the file.
	Token string
	// WasKnown: the file has nothing later.
	WasKnown bool
	// Problems are why it is not taken in.
	Problems []*problem.Problem
}

// Open verifies the blocks of the file at path: keysets, roots documents or a list, and no licence.
// present is the list that is there.
func Open(blocks license.Blocks, path any, known *Known, memory *license.Memory, present []byte) Update {
	var made Update
	before, _ := known.trust(license.Blocks{}, known.Blocks) // nil: nothing that can be believed
	_, hasKeyset := blocks[license.KeysetLabel]
	_, hasRoots := blocks[license.RootsLabel]
	if hasKeyset || hasRoots {
		less := known.Blocks
		if hasKeyset { // one that is known counts only where the file has none: it is the file that is asked
			less = license.Blocks{license.RootsLabel: known.Blocks[license.RootsLabel]}
		}
		after, refused := known.trust(blocks, less)
		if refused == nil {
			refused = older(after, before, memory)
			made.Trust = after
		}
		if refused != nil {
			made.Problems = append(made.Problems, refused)
		}
		if after != nil && before != nil && after.Version() == before.Version() {
			made.Trust, made.WasKnown = before, true // a version that is known is not said anew
		}
	}
	if _, hasList := blocks[license.RevocationsLabel]; hasList {
		trust := made.Trust
		if trust == nil {
			trust = before
		}
		token, list, refused := openList(blocks, path, trust, memory, present, known.Number)
		if refused != nil {
			made.Problems = append(made.Problems, refused)
		}
		made.Token, made.Revocations = token, list
	}
	return made
}

func older(after, before *license.Trust, memory *license.Memory) *problem.Problem {
	seen := memory.Trust
	if before != nil && seen.Before(before.Version()) {
		seen = before.Version()
	}
	if !after.Version().Before(seen) {
		return nil
	}
	return problem.New("keyset-rolled-back", "version", after.Keyset.Version, "roots", after.RootsVersion,
		"seen_version", seen.Keyset, "seen_roots", seen.Roots)
}

func openList(
	blocks license.Blocks, path any, trust *license.Trust, memory *license.Memory, present []byte, jti string,
) (string, *license.Revocations, *problem.Problem) {
	if trust == nil {
		return openGivenList(blocks, nil, path, jti)
	}
	token, found, refused := openGivenList(blocks, trust.Keyset, path, jti)
	if refused != nil {
		return "", nil, refused
	}
	seen := memory.SeenNumber(trust.Keyset.Trusts)
	if number := numberOf(present, trust); number > seen {
		seen = number
	}
	if found.Number < seen {
		return "", nil, problem.New("revocations-rolled-back", "number", found.Number, "seen_number", seen)
	}
	return token, found, nil
}

// numberOf is the number of the list that is there; 0: it can be replaced by any.
func numberOf(present []byte, trust *license.Trust) int64 {
	blocks, err := license.Unwrap(present)
	if present == nil || err != nil {
		return 0
	}
	list, err := license.OpenOnlyList(blocks, trust.Keyset)
	if err != nil {
		return 0
	}
	return list.Number
}
