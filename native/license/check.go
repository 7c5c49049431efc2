// Package license checks a licence: bytes, host and an instant in, a Report out (SPEC section 7).
//
// Check reads no file, no clock and no network: the same Input gives the same Report. Until the
// signature of the licence is verified nothing that the file says is looked at, and each problem up
// to there ends the check. From there on everything that is wrong is found.
package license

import (
	"hostseal/host"
	"hostseal/problem"
)

const day = 86400

// Check checks a licence (SPEC section 7.2).
func Check(in Input) *Report {
	in.Now = clamped(in.Now)
	in.fillIn()
	verified, refused := Open(in.Data, in.Roots, in.Settings.RootsNeeded, in.Known, in.KeysPath)
	if refused != nil {
		return &Report{Now: in.Now, Problems: []*problem.Problem{refused}}
	}
	c := &checking{Input: &in, Verified: verified, report: &Report{
		Now: in.Now, License: verified.License, Trust: verified.Trust,
	}}
	if verified.KnownIsDamaged {
		c.notice("trust-invalid", "path", in.KnownPath)
	}
	c.trust()
	c.signingKey()
	listedAt := c.revocations()
	c.product()
	c.host()
	c.gpus()
	c.clock(listedAt)
	c.term()
	c.maintenance()
	if c.report.OK() {
		c.endOfTerm()
		c.notices(host.OfFormerRules(&in.Facts, c.License.Iat))
	}
	if c.report.OK() && c.License.Host.Match == "exact" {
		c.notices(host.OfLicensed(&in.Facts, c.License.Host.Profile, c.License.Host.Layer != ""))
	}
	return c.report
}

func clamped(now int64) int64 {
	switch {
	case now < 0:
		return 0
	case now > MaxInstant:
		return MaxInstant
	}
	return now
}

func (in *Input) fillIn() {
	for _, path := range []struct {
		of    *string
		usual string
	}{
		{&in.KeysPath, "keys"},
		{&in.RevocationsPath, "conf/license.revocations"},
		{&in.KnownPath, "conf/license.trust"},
		{&in.Settings.Path, "conf/hostseal.toml"},
	} {
		if *path.of == "" {
			*path.of = path.usual
		}
	}
}

// A Verified is a licence whose signature was verified, whatever else may be wrong with it.
type Verified struct {
	License    *License
	SigningKey PublicKey
	Trust      *Trust
	// revocations is the token of the list in the file; nil: there is none.
	revocations *string
	// KnownIsDamaged: what was learned before could not be read.
	KnownIsDamaged bool
}

// TooLarge is what is wrong with a licence file of so many bytes, more than MaxFile.
func TooLarge(size int64) *problem.Problem {
	return problem.New("file-too-large", "path", problem.Because("The file"), "size", size, "cap", MaxFile)
}

// Open verifies the signatures of a licence file and reads its claims. It says nothing of host,
// product or term. At least needed of the roots must have signed; known is what was learned before.
func Open(data []byte, roots []PublicKey, needed int64, known []byte, keysPath string) (*Verified, *problem.Problem) {
	if len(data) > MaxFile {
		return nil, TooLarge(int64(len(data)))
	}
	verified, refused := open(data, roots, needed, known, keysPath)
	if refused != nil && (refused.Slug == "license-block-missing" || refused.Slug == "license-damaged") {
		if other := closedFile(data); other != nil {
			refused = other.explain(refused.Slug, len(data))
		}
	}
	return verified, refused
}

func open(data []byte, roots []PublicKey, needed int64, known []byte, keysPath string) (*Verified, *problem.Problem) {
	blocks, err := Unwrap(data)
	if err != nil {
		return nil, problem.New("license-damaged", "reason", ReasonOf(err))
	}
	licenses := blocks[LicenseLabel]
	switch {
	case len(licenses) == 0:
		return nil, withoutLicense(data, blocks).explain("license-block-missing", len(data))
	case len(licenses) > 1:
		return nil, problem.New("license-several", "count", len(licenses))
	}
	verified := &Verified{}
	learned := Blocks{}
	if known != nil {
		learned, err = Unwrap(known)
		verified.KnownIsDamaged = err != nil || len(learned) == 0
	}
	var refused *problem.Problem
	if verified.Trust, refused = OpenTrust(blocks, learned, roots, needed, keysPath); refused != nil {
		return nil, refused
	}
	key, payload, refused := verifyLicense(licenses[0], verified.Trust.Keyset)
	if refused != nil {
		return nil, refused
	}
	if verified.License, refused = ParseLicense(payload); refused != nil {
		return nil, refused
	}
	if lists := blocks[RevocationsLabel]; len(lists) > 0 {
		verified.revocations = &lists[0]
	}
	verified.SigningKey = key
	return verified, nil
}

func verifyLicense(token string, keyset *Keyset) (PublicKey, []byte, *problem.Problem) {
	trusted := HeadersOf(keyset.keys(true), LicenseType)
	var last *TokenError
	for _, reading := range Readings(token) {
		key, payload, refused := VerifyToken(reading, trusted)
		if refused == nil {
			return key, payload, nil
		}
		last = refused
	}
	switch last.Kind {
	case Malformed:
		return PublicKey{}, nil, problem.New("license-damaged", "reason", last.Reason)
	case UnknownHeader:
		return PublicKey{}, nil, problem.New("signing-key-unknown", "version", keyset.Version)
	}
	return PublicKey{}, nil, problem.New("signature-invalid")
}

// checking is a check that goes on: what is wrong is gathered in its report.
type checking struct {
	*Input
	*Verified
	report *Report
}

func (c *checking) problem(slug string, namesAndValues ...any) *problem.Problem {
	made := problem.New(slug, namesAndValues...)
	c.report.Problems = append(c.report.Problems, made)
	return made
}

func (c *checking) notice(slug string, namesAndValues ...any) {
	c.report.Notices = append(c.report.Notices, problem.Remark(slug, namesAndValues...))
}

func (c *checking) notices(found []problem.Notice) {
	c.report.Notices = append(c.report.Notices, found...)
}

// trust refuses one that is older than the one that was seen here.
func (c *checking) trust() {
	if c.Memory == nil || !c.Memory.Authentic || !c.Trust.Version().Before(c.Memory.Trust) {
		return
	}
	version, seen := c.Trust.Version(), c.Memory.Trust
	c.problem("keyset-rolled-back", "version", version.Keyset, "roots", version.Roots,
		"seen_version", seen.Keyset, "seen_roots", seen.Roots)
}

func (c *checking) signingKey() {
	keyset, iat := c.Trust.Keyset, c.License.Iat
	entry := keyset.entry(c.SigningKey)
	kid := entry.Key.Kid
	if entry.State == "revoked" {
		c.problem("signing-key-revoked", "kid", kid, "version", keyset.Version)
	}
	if entry.Products != nil && !contains(entry.Products, c.License.Aud) {
		reason := problem.Because("it is not for product {product}", "product", c.License.Aud)
		c.problem("signing-key-not-allowed", "kid", kid, "reason", reason)
	}
	if iat < entry.Nbf || iat >= entry.Exp {
		reason := problem.Because("it was not valid when the licence was issued")
		c.problem("signing-key-not-allowed", "kid", kid, "reason", reason)
	}
	if keyset.Exp != nil && iat >= *keyset.Exp {
		c.problem("keyset-expired",
			"version", keyset.Version, "ended_at", *keyset.Exp, "issued_at", iat)
	}
}

// revocations looks the licence up; it gives the latest instant that a list was made at.
func (c *checking) revocations() int64 {
	found := lookUpIn(c.Verified.revocations, c.Input.Revocations, c.License.Jti, c.Trust, c.Memory,
		c.RevocationsPath)
	c.report.Problems = append(c.report.Problems, found.problems...)
	c.report.Revocations, c.report.SeenList = found.latest, found.seenList
	if c.Memory != nil && c.Memory.GaveBack(c.License) {
		c.problem("license-returned", "number", c.License.Jti)
	}
	latest := found.latest
	// One from before the licence was issued could tell nothing of it in any case.
	if latest != nil && latest.Iat >= c.License.Iat && !latest.Covers(c.License.Jti) {
		c.notice("revocations-of-others", "path", c.RevocationsPath, "list_number", latest.Number,
			"number", c.License.Jti)
	}
	if latest != nil && latest.Exp != nil && c.Now >= *latest.Exp {
		c.notice("revocations-old",
			"number", latest.Number, "listed_at", latest.Iat, "ended_at", *latest.Exp)
	}
	var number, seen int64
	if latest != nil {
		number = latest.Number
	}
	if c.Memory != nil {
		seen = c.Memory.SeenNumber(c.Trust.Keyset.Trusts)
	}
	if number < seen {
		c.notice("revocations-dropped", "number", number, "seen_number", seen)
	}
	return found.listedAt
}

func (c *checking) product() {
	switch {
	case c.Settings.Product == "":
		c.notice("product-unset", "path", c.Settings.Path)
	case c.License.Aud != c.Settings.Product:
		c.problem("wrong-product", "licensed", c.License.Aud, "product", c.Settings.Product)
	}
}

func (c *checking) gpus() {
	licensed, isLimited := c.License.Limits["gpus"]
	switch {
	case !isLimited:
	case c.Facts.GPUs == host.Uncounted:
		c.notice("gpus-not-counted", "licensed", licensed)
	case int64(c.Facts.GPUs) > licensed:
		c.problem("gpus-not-licensed", "licensed", licensed, "present", c.Facts.GPUs).
			Advised(host.FewerGPUs(&c.Facts), nil)
	}
}

func (c *checking) clock(listedAt int64) {
	seen := later(later(c.License.Iat, c.Trust.Keyset.Iat), listedAt)
	if c.Memory != nil {
		seen = later(seen, c.Memory.Mark(c.License.Jti, c.License.Iat))
	}
	if c.Now < seen-Tolerance {
		c.problem("clock-set-back", "now_at", c.Now, "seen_at", seen)
	}
}

func (c *checking) term() {
	license, now := c.License, c.Now
	switch state := license.State(now); {
	case state == "pending":
		c.problem("license-not-yet-valid", "begins_at", license.Nbf, "now_at", now)
	case state == "expired":
		ended := later(valueOf(license.Exp), valueOf(license.GraceUntil))
		c.problem("license-expired", "ended_at", ended, "now_at", now)
	}
}

// endOfTerm tells that a licence that holds ends soon. One that does not is not to be renewed as it is.
func (c *checking) endOfTerm() {
	license, now := c.License, c.Now
	switch state := license.State(now); {
	case state == "grace":
		c.notice("in-grace", "ended_at", *license.Exp, "grace_until_at", *license.GraceUntil)
	case license.Exp == nil:
	case state == "notify",
		license.NotifyFrom == nil && now >= *license.Exp-c.Settings.WarnDays*day:
		c.notice("expires-soon", "ended_at", *license.Exp, "days", (*license.Exp-now)/day)
	}
}

func (c *checking) maintenance() {
	until, released := c.License.MaintenanceUntil, c.Settings.ReleasedAt
	if until != nil && released != nil && *released > *until {
		c.problem("maintenance-ended", "until_at", *until, "released_at", *released)
	}
}
