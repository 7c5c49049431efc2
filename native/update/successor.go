// Package update judges what a vendor sends: what a new licence takes away, what a file without a
// licence brings, and which blocks of a file are of no use here (SPEC section 6.5).
package update

import (
	"strings"

	"hostseal/license"
	"hostseal/problem"
)

// Taken is what next takes away of what former grants, in words; nil: nothing.
func Taken(former, next *license.License) any {
	var whole *problem.Reason
	lose := func(template string, namesAndValues ...any) {
		one := problem.Because(template, namesAndValues...)
		if whole != nil {
			one = problem.Because("{all_}; {one}", "all_", *whole, "one", one)
		}
		whole = &one
	}
	var gone []string
	for _, name := range former.Features {
		if !contains(next.Features, name) {
			gone = append(gone, name)
		}
	}
	if gone != nil {
		lose("without {names}", "names", strings.Join(gone, ", "))
	}
	for _, name := range next.LimitNames {
		most := next.Limits[name]
		before, isLimited := former.Limits[name]
		if !isLimited {
			lose("{name} limited to {most}", "name", name, "most", most)
		} else if most < before {
			lose("{name} {most} instead of {before}", "name", name, "most", most, "before", before)
		}
	}
	if former.Edition != "" && next.Edition == "" {
		lose("without the edition {edition}", "edition", former.Edition)
	}
	if next.Exp != nil && former.Exp == nil {
		lose("until {end} instead of without end", "end", problem.UTC(*next.Exp))
	} else if next.Exp != nil && *next.Exp < *former.Exp {
		lose("until {end} instead of {before}", "end", problem.UTC(*next.Exp), "before", problem.UTC(*former.Exp))
	}
	until, before := next.MaintenanceUntil, former.MaintenanceUntil
	if until != nil && (before == nil || *until < *before) {
		lose("for versions released until {end} only", "end", problem.UTC(*until))
	}
	if former.Host.Match == "anchored" && next.Host.Match == "exact" {
		lose("bound exactly instead of anchored")
	}
	if whole == nil {
		return nil
	}
	return *whole
}

func contains(all []string, one string) bool {
	for _, other := range all {
		if other == one {
			return true
		}
	}
	return false
}
