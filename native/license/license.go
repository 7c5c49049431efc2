package license

import (
	"strings"

	"hostseal/host"
	"hostseal/problem"
)

// A License is what the vendor signed (SPEC section 5.2). Instants are whole seconds; nil: the claim
// is absent. So is a text that is empty.
type License struct {
	Iss, Sub, Aud, Jti string
	Iat, Nbf           int64
	Exp                *int64
	Host               Binding
	Edition            string
	Features           []string
	Limits             map[string]int64
	// LimitNames are those of Limits, in the order in which they stand in the licence.
	LimitNames       []string
	NotifyFrom       *int64
	GraceUntil       *int64
	MaintenanceUntil *int64
	Replaces         string
}

// A Tag lets the same host recognise one component again.
type Tag = host.Tag

// A Binding says to which host a licence is sealed, and how strictly.
type Binding struct {
	Key, Name, Profile string
	// Match is exact or anchored.
	Match string
	// Tags are nil where the request carried none.
	Tags []Tag
	// Layer is empty where the request carried none.
	Layer string
	// ReturnDigest is of the secret by which it can be given back; empty where the request carried none.
	ReturnDigest string
}

// Tag is that of a component; empty where there is none.
func (b *Binding) Tag(component string) string { return tagOf(b.Tags, component) }

func tagOf(tags []Tag, component string) string {
	for _, tag := range tags {
		if tag.Name == component {
			return tag.Tag
		}
	}
	return ""
}

// ParseLicense reads the payload of a licence. Unknown claims are ignored, unless must_understand
// names them.
func ParseLicense(payload []byte) (*License, *problem.Problem) {
	value, err := ParseJSON(payload)
	if err != nil {
		return nil, problem.New("license-claims-invalid", "claim", "payload", "reason", ReasonOf(err))
	}
	c := claimsOf(value)
	if what := c.later(); what != nil && c.err == nil {
		return nil, problem.New("license-unsupported", "what", *what)
	}
	made := &License{
		Iss: c.required("iss").text("iss"),
		Sub: c.required("sub").text("sub"),
		Aud: c.required("aud").text("aud"),
		Jti: c.required("jti").text("jti"),
		Iat: valueOf(c.required("iat").instant("iat")),
	}
	made.Nbf = made.Iat
	if nbf := c.instant("nbf"); nbf != nil {
		made.Nbf = *nbf
	}
	made.Host = c.required("host").binding()
	made.Exp = c.instant("exp")
	made.Edition = c.text("edition")
	made.Features = c.names("features")
	made.Limits, made.LimitNames = c.numbers("limits")
	made.NotifyFrom = c.instant("notify_from")
	made.GraceUntil = c.instant("grace_until")
	made.MaintenanceUntil = c.instant("maintenance_until")
	made.Replaces = c.text("replaces")
	c.inOrder(made)
	if c.err != nil {
		return nil, problem.New("license-claims-invalid", "claim", c.err.Claim, "reason", c.err.Reason)
	}
	return made, nil
}

// later is what the licence demands of a later version; nil: nothing.
func (c *claims) later() *problem.Reason {
	const version = 1
	has := valueOf(c.required("ver").integer("ver", 0, MaxInteger))
	if c.err == nil && has != version {
		what := problem.Because("version {version} of the licence format", "version", has)
		return &what
	}
	var unknown []string
	for _, name := range c.names("must_understand") {
		if !host.IsShared(name) {
			unknown = append(unknown, name)
		}
	}
	if c.err == nil && len(unknown) > 0 {
		what := problem.Because("the claim {names}", "names", strings.Join(unknown, ", "))
		return &what
	}
	return nil
}

func (c *claims) binding() Binding {
	object := c.object("host")
	if object == nil {
		return Binding{}
	}
	own := &claims{members: object}
	binding := Binding{
		Key:     own.required("key").hostKey("key"),
		Name:    own.text("name"),
		Profile: own.required("profile").oneOf("profile", host.Profiles[:]...),
		Match:   own.oneOf("match", "exact", "anchored"),
	}
	binding.Tags = own.tags("tags", host.Tagged(binding.Profile))
	binding.Layer = own.tag("layer")
	binding.ReturnDigest = own.digest("return")
	if binding.Match == "" {
		binding.Match = "exact"
	}
	if own.err != nil {
		c.refuse("host."+own.err.Claim, own.err.Reason)
	}
	return binding
}

// inOrder refuses instants that contradict each other.
func (c *claims) inOrder(made *License) {
	grace := made.GraceUntil
	switch {
	case made.Exp == nil && grace != nil:
		c.refuse("grace_until", "the licence is perpetual")
	case made.Exp == nil:
	case *made.Exp <= made.Nbf:
		c.refuse("exp", "it is before the start of the term")
	case grace != nil && *grace < *made.Exp:
		c.refuse("grace_until", "it is before the licence expires")
	}
}

// State is pending, active, notify, grace or expired at an instant (SPEC section 5.3).
func (l *License) State(now int64) string {
	switch {
	case now < l.Nbf:
		return "pending"
	case l.Exp == nil:
		return "active"
	case now < *l.Exp && l.NotifyFrom != nil && now >= *l.NotifyFrom:
		return "notify"
	case now < *l.Exp:
		return "active"
	case l.GraceUntil != nil && now < *l.GraceUntil:
		return "grace"
	}
	return "expired"
}

// Claims are those that the licence has, in the order of SPEC section 5.2.
func (l *License) Claims() *Object {
	features := make([]any, len(l.Features))
	for at, name := range l.Features {
		features[at] = name
	}
	limits := NewObject()
	for _, name := range l.LimitNames {
		limits.put(name, l.Limits[name])
	}
	return NewObject(
		"ver", 1, "iss", l.Iss, "sub", l.Sub, "aud", l.Aud, "jti", l.Jti, "iat", l.Iat,
		"nbf", l.Nbf, "exp", present(l.Exp),
		"host", NewObject("key", l.Host.Key, "name", given(l.Host.Name), "profile", l.Host.Profile,
			"match", l.Host.Match, "tags", objectOf(l.Host.Tags), "layer", given(l.Host.Layer),
			"return", given(l.Host.ReturnDigest)),
		"edition", given(l.Edition), "features", anyOf(len(features) > 0, features),
		"limits", anyOf(len(limits.Names) > 0, limits), "notify_from", present(l.NotifyFrom),
		"grace_until", present(l.GraceUntil), "maintenance_until", present(l.MaintenanceUntil),
		"replaces", given(l.Replaces),
		"must_understand", anyOf(host.IsShared(l.Host.Profile), []any{l.Host.Profile}),
	)
}

// present, given and anyOf are a value as a member of an object; nil: it has none.
func present(number *int64) any {
	if number == nil {
		return nil
	}
	return *number
}

func given(text string) any { return anyOf(text != "", text) }

func anyOf(isThere bool, value any) any {
	if !isThere {
		return nil
	}
	return value
}
