package license

import (
	"hostseal/host"
	"hostseal/problem"
)

// An Input is all that a check looks at.
type Input struct {
	// Data are the bytes of the licence file.
	Data []byte
	// Roots are the trusted root keys, in the order of their files.
	Roots []PublicKey
	Facts host.Facts
	// Now is in seconds; an instant that no calendar has counts as the nearest that one has.
	Now      int64
	Settings Settings
	// Memory is what earlier checks saw; nil: nothing.
	Memory *Memory
	// Revocations are the bytes of the list beside the licence; nil: there is none.
	Revocations []byte
	// Known are the bytes of conf/license.trust; nil: nothing was learned before.
	Known []byte
	// Where keys, list and what was learned stand, for messages; empty: where they usually do.
	KeysPath, RevocationsPath, KnownPath string
}

// A Report is what a check found. Either it has problems, or a licence that holds.
type Report struct {
	Now int64
	// Problems are all that is wrong, the primary one first.
	Problems []*problem.Problem
	Notices  []problem.Notice
	// License is nil where the signature could not be verified.
	License *License
	// Host is nil where the host has no key.
	Host *host.Key
	// Trust is what the signatures were verified with; nil where none could be.
	Trust *Trust
	// Revocations is the list of the highest number; nil: none could be opened.
	Revocations *Revocations
	// SeenList is what to remember of the list beside the licence.
	SeenList *SeenList
}

// OK tells whether the product may run.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

// Err is the primary problem; nil where the licence holds.
func (r *Report) Err() error {
	if r.OK() {
		return nil
	}
	return r.Problems[0]
}

// ExitCode is 0, or that of the primary problem.
func (r *Report) ExitCode() int {
	if r.OK() {
		return 0
	}
	return r.Problems[0].ExitCode()
}

// Has tells whether the licence holds and includes a feature.
func (r *Report) Has(feature string) bool {
	return r.OK() && contains(r.License.Features, feature)
}

// Limit is a licensed limit, such as that of gpus. Without one there is none, or the licence does not
// hold.
func (r *Report) Limit(name string) (most int64, isLimited bool) {
	if r.OK() {
		most, isLimited = r.License.Limits[name]
	}
	return
}

// Settings are what a product ships (SPEC section 7.1).
type Settings struct {
	// Product is the aud that a licence must have; empty: any.
	Product  string
	WarnDays int64
	// ReleasedAt is nil where the settings do not say when this version was released.
	ReleasedAt  *int64
	RootsNeeded int64
	// Path is where they stand, for messages.
	Path string
}

// DefaultSettings are those of a product that ships none.
func DefaultSettings() Settings {
	return Settings{WarnDays: 30, RootsNeeded: 1, Path: "conf/hostseal.toml"}
}
