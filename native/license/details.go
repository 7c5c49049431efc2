package license

import (
	"strconv"
	"strings"

	"hostseal/host"
	"hostseal/problem"
)

const (
	// mostOwn is near how many of this host's own addresses the licensed one is looked for.
	mostOwn = 64
	// enginesFirst is how many /24 of a /16 are tried: engines give addresses from the lowest on.
	enginesFirst = 16
)

// enginesPools is where the engines' default networks are.
var enginesPools = []string{"172.17", "10.88"}

// details are what differs from the licensed host, with the remedies that fit this one. Where the
// anchors differ this is another machine or container: then nothing is said of how to get an address
// or a name back, which may be those of the licensed one, at work elsewhere.
func details(found Comparison, binding *Binding, facts *host.Facts) []problem.Notice {
	if found.Profile != "" {
		return []problem.Notice{problem.Remark("profile-differs", "profile", found.Profile)}
	}
	if binding.Profile == host.Site {
		return []problem.Notice{detailOfSite(found, binding, facts)}
	}
	unused := unusedAddress(binding, facts)
	if found.Evidence == "none" && unused != nil {
		return unused
	}
	reason := "the licence was ordered with the host key line only, which carries no host tags"
	var differing []Compared
	isElsewhere := false
	if found.Evidence != "none" {
		reason = "every part that the licence has a host tag for is the same"
		for _, part := range found.Components {
			if part.Verdict == Differs {
				differing = append(differing, part)
				isElsewhere = isElsewhere || !part.isKeyed()
			}
		}
	}
	if differing == nil {
		return []problem.Notice{problem.Remark("change-unknown", "reason", reason)}
	}
	told := make([]problem.Notice, len(differing))
	for at := range differing {
		part := &differing[at]
		told[at] = detailOf(found, part)
		if part.isKeyed() && (isElsewhere || unused != nil && part.Name == "ip") {
			told[at] = told[at].Advised([]string{}, nil)
		} else {
			told[at] = advised(told[at], part, binding, facts)
		}
	}
	return append(told, unused...)
}

// detailOfSite is which of the two differs; in another site all machines have other tags.
func detailOfSite(found Comparison, binding *Binding, facts *host.Facts) problem.Notice {
	if count := host.SizeWithKey(facts, binding.Key); count > 0 {
		return problem.Remark("machine-added-later", "licensed", count)
	}
	for _, part := range found.Components {
		if part.Verdict == Differs {
			return problem.Remark(part.Name + "-differs")
		}
	}
	reason := "the licence was ordered with the host key line only, which carries no host tags"
	return problem.Remark("change-unknown", "reason", reason)
}

func detailOf(found Comparison, part *Compared) problem.Notice {
	if found.Evidence == "memory" && part.IsShown() {
		return problem.Remark(part.Name+"-changed",
			"before", orNil(part.Licensed), "after", orNil(part.Present))
	}
	return problem.Remark(strings.ReplaceAll(part.Name, "_", "-")+"-differs",
		"after", orNil(part.Present))
}

func orNil(text *string) any {
	if text == nil {
		return nil
	}
	return *text
}

func advised(detail problem.Notice, part *Compared, binding *Binding, facts *host.Facts) problem.Notice {
	mode, names := host.NetworkMode(facts), host.Naming(facts)
	before := ""
	if part.Licensed != nil {
		before = *part.Licensed
	}
	switch part.Name {
	case "ip":
		if before == "" {
			before = licensedAddress(binding, facts)
		}
		names["before"] = given(before)
		return detail.Advised(host.AdviceOnAddress(facts, mode, before), names)
	case "hostname":
		if before == "" {
			before = binding.Name
		}
		names["name"] = host.Quoted(before)
		return detail.Advised(host.AdviceOnHostname(facts, mode, before, binding.Profile), names)
	case "container_id":
		names["licensed"] = before
		if len(before) > 12 {
			names["licensed"] = before[:12]
		}
		return detail.Advised(host.AdviceOnContainer(facts, before), names)
	}
	return detail
}

// unusedAddress says that the licensed address is still on this host, where nothing else is another.
func unusedAddress(binding *Binding, facts *host.Facts) []problem.Notice {
	var by any
	for _, one := range facts.Interfaces {
		if by == nil && one.Address == facts.IP {
			by = one.Name
		}
	}
	for _, one := range facts.Interfaces {
		if one.Address == "" || one.Address == facts.IP || !fitsWith(binding, facts, one.Address) {
			continue
		}
		slug, isRouted := "address-left-out", host.IsRouted(facts)
		if isRouted {
			slug = "address-not-used"
		}
		notice := problem.Remark(slug,
			"before", one.Address, "device", one.Name, "by", by, "after", given(facts.IP))
		advice := host.AdviceOnUnused(facts, host.NetworkMode(facts), isRouted)
		return []problem.Notice{notice.Advised(advice, host.Naming(facts))}
	}
	return nil
}

// licensedAddress is the licensed one, where one near this host's makes the licensed key.
func licensedAddress(binding *Binding, facts *host.Facts) string {
	for _, net := range netsNear(facts) {
		for last := 1; last < 255; last++ {
			if ip := net + "." + strconv.Itoa(last); fitsWith(binding, facts, ip) {
				return ip
			}
		}
	}
	return ""
}

// netsNear are the first three numbers of the /24 in which an address may have been, each once.
func netsNear(facts *host.Facts) []string {
	var nets, halves []string
	for _, one := range facts.Interfaces {
		if one.Address == "" || strings.Contains(one.Address, ":") {
			continue
		}
		if len(nets) == mostOwn { // a node of a cluster has one for each service
			break
		}
		net := one.Address[:strings.LastIndexByte(one.Address, '.')]
		nets = append(nets, net)
		halves = append(halves, net[:strings.LastIndexByte(net, '.')])
	}
	for _, half := range once(append(halves, enginesPools...)) {
		for number := 0; number < enginesFirst; number++ {
			nets = append(nets, half+"."+strconv.Itoa(number))
		}
	}
	return once(nets)
}

// once are the texts, each where it stands first.
func once(texts []string) []string {
	seen := make(map[string]bool, len(texts))
	kept := texts[:0]
	for _, text := range texts {
		if !seen[text] {
			seen[text] = true
			kept = append(kept, text)
		}
	}
	return kept
}

// fitsWith tells whether the licence is for this host with this address, under its licensed name too.
func fitsWith(binding *Binding, facts *host.Facts, ip string) bool {
	with := *facts
	with.IP = ip
	for _, name := range []string{facts.Hostname, binding.Name} {
		with.Hostname = name
		if host.KeyOf(with.Components(binding.Profile), binding.Profile) == binding.Key {
			return true
		}
	}
	return false
}
