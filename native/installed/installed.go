// Package installed is the check for products in Go: of the licence that is installed, for this host
// and now. It writes nothing; `hostseal verify` and guard remember what they see.
package installed

import (
	"os"
	"time"

	"hostseal/license"
	"hostseal/place"
	"hostseal/problem"
)

// A Query is what a product asks.
type Query struct {
	// Product is the name that the licence must have; empty: that of conf/hostseal.toml, which
	// whoever can write that folder can change.
	Product string
	// Conf and Keys are the folders; empty: those that LICENSE_CONF and LICENSE_KEYS name, else
	// conf/ and keys/ beside the program or one folder above it.
	Conf, Keys string
	// Data is a licence that the product keeps itself; nil: that of the place.
	Data []byte
	// Env is the environment; nil: that of the process.
	Env func(name string) (value string, isSet bool)
}

// Check is the check of what is installed. What is wrong is in the report, whatever it is.
func Check(query Query) *license.Report {
	now := time.Now().Unix()
	report, refused := check(query, now)
	if refused != nil {
		return &license.Report{Now: now, Problems: []*problem.Problem{refused}}
	}
	return report
}

func check(query Query, now int64) (*license.Report, *problem.Problem) {
	env := query.Env
	if env == nil {
		env = os.LookupEnv
	}
	value := func(name string) string {
		text, _ := env(name)
		return text
	}
	program, err := os.Executable()
	if err != nil {
		program = ""
	}
	at, refused := place.Default(value, place.Home(program), query.Conf, query.Keys, "")
	if refused != nil {
		return nil, refused
	}
	at.Product = query.Product
	if query.Data != nil {
		at.Named = &place.Source{Kind: "code", Data: query.Data}
	}
	data, refused := at.ReadLicense()
	if refused != nil {
		return nil, refused
	}
	facts, refused := at.Facts(env)
	if refused != nil {
		return nil, refused
	}
	checked, refused := at.Check(data, &facts, now, -1, nil, nil)
	if refused != nil {
		return nil, refused
	}
	return checked.Report, nil
}
