package place

import (
	"os"

	"hostseal/host"
	"hostseal/license"
	"hostseal/problem"
)

// Checked is a report, and what to remember of it.
type Checked struct {
	*license.Report
	// Memory is that after this check.
	Memory license.Memory
	// Source is what the licence was taken from.
	Source *Source
	// Trust was learned, to be written before the memory; "": nothing.
	Trust string
}

// Check checks the bytes of a licence file as if they were in force here. source is what they were
// taken from, nil: what this place names; warnDays below 0: those of the settings; known nil: the
// trust file. The problem is that of a trusted key, of settings or
// of a list that cannot be read: without them nothing can be said of a licence.
func (p Place) Check(data []byte, facts *host.Facts, now int64, warnDays int, known []byte, source *Source) (*Checked, *problem.Problem) {
	if source == nil {
		source = p.Source()
	}
	settings, refused := p.ReadSettings()
	if refused != nil {
		return nil, refused
	}
	if p.Product != "" {
		settings.Product = p.Product
	}
	if warnDays >= 0 {
		settings.WarnDays = int64(warnDays)
	}
	memory, remarks := p.ReadMemory(facts)
	learned, refused := p.ReadTrust()
	if refused != nil {
		return nil, refused
	}
	roots, refused := p.ReadRoots()
	if refused != nil {
		return nil, refused
	}
	revocations, refused := p.ReadRevocations()
	if refused != nil {
		return nil, refused
	}
	input := license.Input{
		Data: data, Roots: roots, Facts: *facts, Now: now, Settings: settings, Memory: memory,
		Revocations: revocations, Known: learned,
		KeysPath: p.Keys, RevocationsPath: p.Revocations(), KnownPath: p.Trust(),
	}
	if known != nil {
		input.Known = known
	}
	report := license.Check(input)
	checked := &Checked{Report: report, Memory: license.Memory{Authentic: true}, Source: source}
	if memory != nil {
		checked.Memory = *memory
	}
	if report.License != nil && report.Trust != nil {
		p.remember(checked, memory, remarks, learned, known != nil, data, facts)
	} else {
		p.explainSource(report, source.Kind)
	}
	return checked, nil
}

// explainSource says of a licence that is none what helps where it was taken from, if not install.
func (p Place) explainSource(report *license.Report, kind string) {
	for _, one := range report.Problems {
		switch {
		case one.Slug != "license-block-missing" && one.Slug != "license-damaged":
		case kind == "environment":
			one.Advised([]string{"no-licence-in-variable"}, nil)
		case kind == "file" || kind == "conf":
			if parts := p.SecretParts(); parts != nil {
				one.Advised([]string{"kept-by-kubernetes"}, parts)
			}
		}
	}
}

// remember is what to remember of a check that could open the licence.
func (p Place) remember(
	of *Checked, before *license.Memory, remarks []problem.Notice, learned []byte, isInstall bool,
	data []byte, facts *host.Facts,
) {
	report, after := of.Report, of.Memory
	number, kid := after.SeenNumber(report.Trust.Keyset.Trusts), after.RevocationsKid
	if list := report.Revocations; list != nil && list.Number >= number {
		number, kid = list.Number, list.Kid
	}
	isCarried := !isInstall || carries(data, report.Trust)
	if !isCarried || isToKeep(report.Trust, &after, learned, report.OK()) {
		of.Trust = report.Trust.Wrap()
	}
	after = after.Learn(report.Trust.Version(), number, kid, report.SeenList)
	after = after.Advance(report.Now, report.License.Jti, report.License.Iat, report.OK())
	if before != nil && before.SeenAt != 0 && after.LeaptAt != nil {
		remarks = append(remarks, problem.Remark("clock-leapt", "now_at", report.Now, "seen_at", after.SeenAt))
	}
	if before != nil && before.IsOfOtherLayer(facts) {
		remarks = append(remarks, problem.Remark("container-is-shared", "path", p.State()))
	}
	if report.OK() {
		after.Layer = ""
		if facts.Engine == "docker" {
			after.Layer = facts.LayerDigest
		}
		issued := host.AsIssued(*facts, report.License.Iat)
		after = after.RememberHost(&issued)
		after.Profile = report.License.Host.Profile
	}
	if of.Source.IsDoubled {
		remarks = append(remarks, problem.Remark("license-set-twice", "path", p.License()))
	}
	remarks = append(remarks, p.folderRemarks(facts)...)
	p.explain(report.Notices, facts)
	report.Notices = append(remarks, report.Notices...)
	of.Memory = after
}

// carries tells whether the keyset that was believed is in the licence file itself.
func carries(data []byte, trust *license.Trust) bool {
	blocks, err := license.Unwrap(data)
	if err != nil {
		return false
	}
	there := map[string]bool{}
	for _, token := range blocks[license.KeysetLabel] {
		there[token] = true
	}
	for _, token := range trust.Keyset.Tokens {
		if !there[token] {
			return false
		}
	}
	return true
}

// isToKeep tells whether another licence may come that carries less than what this check believed.
// Not so for a vendor whose keys were never changed: then there is no file to be read.
func isToKeep(trust *license.Trust, before *license.Memory, learned []byte, holds bool) bool {
	if learned != nil {
		return string(learned) != trust.Wrap()
	}
	var seen license.Version
	if before.Authentic {
		seen = before.Trust
	}
	isNew := seen.Before(trust.Version()) && (seen != license.Version{} || !holds)
	return trust.RootsVersion > 0 || isNew
}

// Known is what was learned of the vendor's keys, and what the installed licence carries of them;
// nil: nothing.
func (p Place) Known() ([]byte, *problem.Problem) {
	learned, refused := p.ReadTrust()
	if refused != nil {
		return nil, refused
	}
	installed, refused := p.ReadLicense()
	if refused != nil {
		return learned, nil
	}
	// Each read by itself: what is damaged in one hides nothing of the other.
	if known := proofs(learned) + proofs(installed); known != "" {
		return []byte(known), nil
	}
	return learned, nil
}

// proofs are the blocks of roots and keysets in data; none where it is cut off.
func proofs(data []byte) string {
	blocks, err := license.Unwrap(data)
	if err != nil {
		return ""
	}
	text := ""
	for _, label := range []string{license.RootsLabel, license.KeysetLabel} {
		for _, token := range blocks[label] {
			text += license.Wrap(label, token)
		}
	}
	return text
}

// Installed is what the installed licence says, valid or not; nil: it cannot be verified.
func (p Place) Installed() *license.License {
	data, refused := p.ReadLicense()
	if refused != nil {
		return nil
	}
	found, _ := p.Open(data)
	return found
}

// Open is what a licence file says, valid here or not.
func (p Place) Open(data []byte) (*license.License, *problem.Problem) {
	roots, refused := p.ReadRoots()
	if refused != nil {
		return nil, refused
	}
	settings, refused := p.ReadSettings()
	if refused != nil {
		return nil, refused
	}
	known, refused := p.ReadTrust()
	if refused != nil {
		return nil, refused
	}
	found, refused := license.Open(data, roots, settings.RootsNeeded, known, p.Keys)
	if refused != nil {
		return nil, refused
	}
	return found.License, nil
}

// MayBeInstalled tells whether there is a licence, or nobody can tell.
func (p Place) MayBeInstalled() bool {
	if p.Named != nil && p.Named.Data != nil {
		return true
	}
	_, err := os.Lstat(p.License())
	return err == nil || !isAway(err)
}

// Unread is that the installed licence cannot be read, so that nobody knows whether profile is its.
func (p Place) Unread(profile string) []problem.Notice {
	if !p.MayBeInstalled() {
		return nil
	}
	_, refused := p.ReadLicense()
	if refused == nil || refused.Slug != "file-unreadable" {
		return nil // it can be read, and verify says what is wrong with it
	}
	notice := problem.Remark("license-unread", "path", refused.Values["path"],
		"reason", refused.Values["reason"], "profile", profile)
	return []problem.Notice{notice.Because(refused)}
}
