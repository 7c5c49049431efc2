package license

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"

	"hostseal/host"
)

const (
	// Tolerance is by how many seconds a clock may be behind the mark without being called set back.
	Tolerance   int64 = 24 * 3600
	leap        int64 = 30 * 24 * 3600
	settled     int64 = 7 * 24 * 3600
	maxHosts          = 8
	maxLines          = 8
	maxReturned       = 16
)

// A SeenList is a list that was verified under the keyset that is remembered, and spares one licence.
type SeenList struct {
	// Digest is the SHA-256 of its file, in hexadecimal digits.
	Digest      string
	Number, Iat int64
	Exp         *int64
	// Jti is the licence that it does not list.
	Kid, Jti string
}

// A FormerHost has the components of a host, in the order of SPEC section 3.1; nil: missing.
type FormerHost [4]*string

// A Memory is what was seen at earlier checks: conf/license.state (SPEC section 7.3).
type Memory struct {
	// SeenAt is the latest instant that this host has seen.
	SeenAt int64
	// LicenseIat and LicenseJti are of the latest licence that was seen.
	LicenseIat int64
	LicenseJti string
	// Hosts are the components of this host as keys were derived from them, latest first.
	Hosts []FormerHost
	// Authentic: the mark was written on this host.
	Authentic bool
	// Trust is the highest version that was seen.
	Trust Version
	// RevocationsNumber is the highest number of a list that was seen, RevocationsKid of its key.
	RevocationsNumber int64
	RevocationsKid    string
	List              *SeenList
	// LeaptAt is the first instant after a leap of the clock that is not believed yet.
	LeaptAt *int64
	// Layer is the LayerDigest of the container that wrote it.
	Layer string
	// Profile is that under which this host seals it; empty: hk1.
	Profile string
	// Returned are numbers and holder lines (SPEC section 4.6) of what was given back here, the
	// latest first.
	Returned []string
	// Others are the lines of other hosts that use the same folder, as they wrote them.
	Others [][]byte
}

func (m *Memory) profile() string {
	if m.Profile == "" {
		return host.DefaultProfile
	}
	return m.Profile
}

// HostOf is the remembered host with this key; nil where none has it.
func (m *Memory) HostOf(key, profile string) *FormerHost {
	for at := range m.Hosts {
		if host.IsShared(profile) { // of others than the four that are remembered
			return nil
		}
		if host.KeyOf(m.Hosts[at].components(profile), profile) == key {
			return &m.Hosts[at]
		}
	}
	return nil
}

func (f *FormerHost) components(profile string) []host.Component {
	names := host.ComponentsOf(profile)
	of := make([]host.Component, len(names))
	for at, name := range names {
		of[at] = host.Component{Name: name, Value: f.Value(name)}
	}
	return of
}

// Value is that of a component.
func (f *FormerHost) Value(component string) *string {
	for at, name := range host.Components {
		if name == component {
			return f[at]
		}
	}
	return nil
}

// IsOfOtherLayer tells whether another container wrote it, which has the identity of this one.
func (m *Memory) IsOfOtherLayer(facts *host.Facts) bool {
	known := m.Authentic && m.profile() == host.DefaultProfile
	return known && m.Layer != "" && facts.LayerDigest != "" && m.Layer != facts.LayerDigest
}

// GiveBack is the memory with a licence as given back, and with the older one that is kept beside
// it; nil: there is none.
func (m *Memory) GiveBack(given, older *License) Memory {
	own := m.own()
	said := []string{given.Jti}
	if given.Replaces != "" {
		said = append(said, given.Replaces)
	}
	said = append(said, lineOf(given))
	if older != nil {
		said = append(said, older.Jti, lineOf(older))
	}
	var returned []string
	known := map[string]bool{}
	for _, one := range append(said, own.Returned...) {
		if !known[one] {
			known[one] = true
			returned = append(returned, one)
		}
	}
	if len(returned) > maxReturned {
		returned = returned[:maxReturned]
	}
	own.Returned = returned
	return own
}

func lineOf(given *License) string { return holderOf(given) + " " + strconv.FormatInt(given.Iat, 10) }

// holderOf is who holds a licence of what, in 64 hexadecimal digits (SPEC section 4.6).
func holderOf(given *License) string {
	sum := sha256.Sum256([]byte("hostseal returned\n" + given.Aud + "\n" + given.Sub))
	return hex.EncodeToString(sum[:])
}

// GaveBack tells whether this licence, or a later one of its product and customer, was given back
// here.
func (m *Memory) GaveBack(given *License) bool {
	if !m.Authentic {
		return false
	}
	holder := holderOf(given)
	for _, returned := range m.Returned {
		of, at, _ := strings.Cut(returned, " ")
		iat, err := strconv.ParseInt(at, 10, 64)
		if returned == given.Jti || of == holder && err == nil && given.Iat <= iat {
			return true
		}
	}
	return false
}

// own is what of it may be written as this host's: no mark of another must become ours.
func (m *Memory) own() Memory {
	if m.Authentic {
		return *m
	}
	return Memory{Hosts: m.Hosts, Others: m.Others, Authentic: true}
}

// RememberHost is the memory with this host first among the former ones.
func (m *Memory) RememberHost(facts *host.Facts) Memory {
	var present FormerHost
	for at, component := range facts.Components(host.DefaultProfile) {
		present[at] = component.Value
	}
	own := m.own()
	own.Hosts = []FormerHost{present}
	for _, former := range m.Hosts {
		if !former.equals(present) && len(own.Hosts) < maxHosts {
			own.Hosts = append(own.Hosts, former)
		}
	}
	return own
}

func (f FormerHost) equals(other FormerHost) bool {
	for at := range f {
		if (f[at] == nil) != (other[at] == nil) || f[at] != nil && *f[at] != *other[at] {
			return false
		}
	}
	return true
}

// Mark is the high-water mark that counts for a licence. One that was issued later than all that
// were seen begins a new count, so that a repaired clock never shuts a site out for good.
func (m *Memory) Mark(jti string, iat int64) int64 {
	if !m.Authentic || jti != m.LicenseJti && iat > m.LicenseIat {
		return 0
	}
	return m.SeenAt
}

// SeenNumber is the number below which no list is let in, while the key that signed it is trusted.
func (m *Memory) SeenNumber(trusts func(kid string) bool) int64 {
	if !m.Authentic || !trusts(m.RevocationsKid) {
		return 0
	}
	return m.RevocationsNumber
}

// Learn is the memory after a check with this trust: number and kid are those of the list that
// counts (0: there is none), seen is what to remember of the one beside the licence.
func (m *Memory) Learn(trust Version, number int64, kid string, seen *SeenList) Memory {
	memory := m.own()
	if trust.Before(memory.Trust) {
		memory.List = nil // who may sign a list was decided anew since
		return memory
	}
	memory.Trust, memory.List = trust, seen
	if number > 0 {
		memory.RevocationsNumber, memory.RevocationsKid = number, kid
	}
	return memory
}

// Advance is the memory after a check of this licence at an instant. Only a licence that holds here
// sets the mark back, and a leap of the clock leaves it where it was.
func (m *Memory) Advance(now int64, jti string, iat int64, holds bool) Memory {
	memory := m.own()
	mark := memory.SeenAt
	if holds {
		mark = memory.Mark(jti, iat)
	}
	if iat > memory.LicenseIat {
		memory.LicenseIat, memory.LicenseJti = iat, jti
	}
	known := later(mark, iat)
	memory.LeaptAt = memory.leaptAt(known, now)
	if memory.LeaptAt == nil {
		memory.SeenAt = later(mark, now)
	} else {
		memory.SeenAt = known
	}
	return memory
}

// leaptAt is when the clock leapt to about now; nil where it is believed.
func (m *Memory) leaptAt(known, now int64) *int64 {
	switch at := m.LeaptAt; {
	case now-known <= leap:
		return nil
	case at == nil || now < *at || now-*at > leap:
		return &now
	case now-*at < settled:
		return at
	}
	return nil
}

func later(one, other int64) int64 {
	if one > other {
		return one
	}
	return other
}

// ParseMemory reads what Dump wrote: this host's line, else a memory that is not Authentic. An
// error: it is damaged beyond reading.
//
// A host has several where it was checked under several profiles, as by a check that was told of no
// cluster: then the one that knows the latest licence, and the latest mark, counts.
func ParseMemory(data []byte, facts *host.Facts) (*Memory, error) {
	lines := linesOf(data)
	read := make([]*Memory, len(lines))
	for at, line := range lines {
		memory, err := parseLine(line, facts)
		if err != nil {
			return nil, err
		}
		read[at] = memory
	}
	best := -1
	for at, memory := range read {
		if memory.Authentic && (best < 0 || memory.isLaterThan(read[best])) {
			best = at
		}
	}
	if best >= 0 {
		read[best].Others = append(append([][]byte{}, lines[:best]...), lines[best+1:]...)
		return read[best], nil
	}
	first := read[0]
	first.Others = lines
	for _, memory := range read[1:] {
		first.Hosts = append(first.Hosts, memory.Hosts...)
	}
	if len(first.Hosts) > maxHosts {
		first.Hosts = first.Hosts[:maxHosts]
	}
	return first, nil
}

func (m *Memory) isLaterThan(other *Memory) bool {
	if m.LicenseIat != other.LicenseIat {
		return m.LicenseIat > other.LicenseIat
	}
	return m.SeenAt > other.SeenAt
}

// linesOf are the first lines of data, which end in CRLF, CR or LF; there is one at least.
func linesOf(data []byte) [][]byte {
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	lines := bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
	if len(lines) > maxLines {
		return lines[:maxLines]
	}
	return lines
}

func parseLine(line []byte, facts *host.Facts) (*Memory, error) {
	c, err := versionOne(line)
	if err != nil {
		return nil, err
	}
	memory := &Memory{
		SeenAt:     valueOf(c.required("seen_at").instant("seen_at")),
		LicenseIat: valueOf(c.required("license_iat").instant("license_iat")),
		LicenseJti: c.text("license_jti"),
		Trust: Version{
			valueOf(c.integer("roots_version", 0, MaxInteger)),
			valueOf(c.integer("keyset_version", 0, MaxInteger)),
		},
		RevocationsNumber: valueOf(c.integer("revocations_number", 0, MaxInteger)),
		RevocationsKid:    c.text("revocations_kid"),
		List:              c.seenList(),
		LeaptAt:           c.instant("leapt_at"),
		Layer:             c.text("layer"),
		Profile:           c.oneOf("profile", host.Profiles[:]...),
	}
	code := c.required("code").text("code")
	if memory.Hosts, err = formerHosts(c.members.values["hosts"]); err != nil {
		return nil, err
	}
	if memory.Returned, err = numbersIn(c.members); err != nil {
		return nil, err
	}
	if c.err != nil {
		return nil, c.err
	}
	// A host that was taken for a machine once has sealed it as one.
	once := host.AsIssued(*facts, 0)
	memory.Authentic = code == memory.code(facts) || code == memory.code(&once)
	return memory, nil
}

func (c *claims) seenList() *SeenList {
	object := c.object("list")
	if object == nil {
		return nil
	}
	own := &claims{members: object}
	seen := &SeenList{
		Digest: own.required("digest").text("digest"),
		Number: valueOf(own.required("number").integer("number", 0, MaxInteger)),
		Iat:    valueOf(own.required("iat").instant("iat")),
		Exp:    own.instant("exp"),
		Kid:    own.required("kid").text("kid"),
		Jti:    own.required("jti").text("jti"),
	}
	if own.err != nil {
		c.refuse(own.err.Claim, own.err.Reason)
	}
	return seen
}

func formerHosts(value any) ([]FormerHost, error) {
	items, ok := value.([]any)
	if !ok {
		return nil, errors.New("hosts is not an array")
	}
	if len(items) > maxHosts {
		items = items[:maxHosts]
	}
	hosts := make([]FormerHost, len(items))
	for at, item := range items {
		object, ok := item.(*Object)
		if !ok || len(object.Names) != len(host.Components) {
			return nil, errors.New("a host has a component missing")
		}
		for component, name := range host.Components {
			value, ok := object.Get(name)
			text, isText := value.(string)
			switch {
			case !ok:
				return nil, errors.New("a host has a component missing")
			case isText:
				hosts[at][component] = &text
			case value != nil:
				return nil, errors.New("a component is not a string")
			}
		}
	}
	return hosts, nil
}

// numbersIn are those of the licences that were given back.
func numbersIn(object *Object) ([]string, error) {
	value, ok := object.Get("returned")
	if !ok {
		return nil, nil
	}
	items, ok := value.([]any)
	if !ok {
		return nil, errors.New("returned is not an array")
	}
	if len(items) > maxReturned {
		items = items[:maxReturned]
	}
	var numbers []string
	for _, item := range items {
		own := &claims{members: NewObject()}
		own.members.put("returned", item)
		numbers = append(numbers, own.text("returned"))
		if own.err != nil {
			return nil, own.err
		}
	}
	return numbers, nil
}

// Dump are the bytes of conf/license.state: a line for this host, and those of others.
func (m *Memory) Dump(facts *host.Facts) []byte {
	members := m.members()
	members.put("code", m.code(facts))
	lines := append(WriteJSON(members), '\n')
	for at, line := range m.Others {
		if at < maxLines-1 {
			lines = append(append(lines, line...), '\n')
		}
	}
	return lines
}

// members are those of its line but for the code. What is 0 is left out, as a former client did.
func (m *Memory) members() *Object {
	hosts := make([]any, len(m.Hosts))
	for at := range m.Hosts {
		former := NewObject()
		for component, name := range host.Components {
			var value any
			if text := m.Hosts[at][component]; text != nil {
				value = *text
			}
			former.put(name, value)
		}
		hosts[at] = former
	}
	var list any
	if seen := m.List; seen != nil {
		list = NewObject("digest", seen.Digest, "number", seen.Number, "iat", seen.Iat,
			"exp", present(seen.Exp), "kid", seen.Kid, "jti", seen.Jti)
	}
	return NewObject(
		"ver", 1, "seen_at", m.SeenAt, "license_iat", m.LicenseIat,
		"license_jti", given(m.LicenseJti), "hosts", hosts,
		"roots_version", above0(m.Trust.Roots), "keyset_version", above0(m.Trust.Keyset),
		"revocations_number", above0(m.RevocationsNumber), "revocations_kid", given(m.RevocationsKid),
		"list", list, "leapt_at", present(m.LeaptAt), "layer", given(m.Layer),
		"profile", anyOf(m.profile() != host.DefaultProfile, m.Profile),
		"returned", anyOf(len(m.Returned) > 0, textsOf(m.Returned)),
	)
}

func textsOf(texts []string) []any {
	values := make([]any, len(texts))
	for at, text := range texts {
		values[at] = text
	}
	return values
}

func above0(number int64) any { return anyOf(number > 0, number) }

func (m *Memory) code(facts *host.Facts) string {
	anchor := host.Anchor(facts, m.profile())
	mac := hmac.New(sha256.New, anchor[:])
	mac.Write(WriteJSON(m.members()))
	return hex.EncodeToString(mac.Sum(nil))
}
