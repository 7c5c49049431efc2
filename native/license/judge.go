package license

import (
	"hostseal/host"
	"hostseal/problem"
)

// JudgeHost is what is wrong with the host for a licence, and nothing else.
func JudgeHost(of *License, facts *host.Facts, memory *Memory) *Report {
	c := &checking{
		Input:    &Input{Facts: *facts, Memory: memory},
		Verified: &Verified{License: of},
		report:   &Report{License: of},
	}
	c.host()
	return c.report
}

// host judges whether the host is the one that the licence is for: by its key, by that of version 1
// of the rules, or, where the licence allows it, by its anchors; and by the layer of a container,
// where another one has its key.
func (c *checking) host() {
	if refused := host.CheckPinned(&c.Facts, c.License.Host.Profile); refused != nil {
		c.report.Problems = append(c.report.Problems, refused)
	}
	binding := &c.License.Host
	facts := host.AsIssued(c.Facts, c.License.Iat)
	key, refused := host.Derive(&facts, binding.Profile)
	if refused != nil {
		c.report.Problems = append(c.report.Problems, refused)
		return
	}
	c.report.Host = &key
	fits := c.fits(key, facts)
	layer := host.LayerTag(&facts, binding.Profile)
	isOfOtherLayer := binding.Layer != "" && layer != "" && layer != binding.Layer
	if fits && !isOfOtherLayer {
		return
	}
	told, evidence := []problem.Notice{problem.Remark("layer-differs")}, "tags"
	if !fits {
		found := Compare(binding, &facts, c.Memory)
		told, evidence = details(found, binding, &facts), found.Evidence
	}
	c.problem("wrong-host", "licensed_key", binding.Key, "licensed_name", given(binding.Name),
		"host_key", key.Key, "hostname", given(key.Hostname), "details", told, "evidence", evidence)
}

// fits tells whether the host is the licensed one, but for its layer.
func (c *checking) fits(key host.Key, facts host.Facts) bool {
	binding := &c.License.Host
	if key.Key == binding.Key {
		return true
	}
	if former := facts; facts.FormerIP != "" {
		former.IP = facts.FormerIP
		if once, _ := host.Derive(&former, binding.Profile); once.Key == binding.Key {
			c.notice("former-address", "former", facts.FormerIP, "ip", given(facts.IP))
			return true
		}
	}
	if binding.Profile == host.Site {
		// A machine that is added shuts out none of those that were there.
		count := host.SizeWithKey(&facts, binding.Key)
		if host.PlaceOnRoster(&facts) < count {
			c.notice("site-has-grown", "licensed", count, "count", host.SizeOfSite(&facts))
			return true
		}
		return false
	}
	if binding.Match == "anchored" && isAnchored(&facts, binding) {
		c.notice("host-drifted")
		return true
	}
	return false
}

// isAnchored tells whether machine and container are the licensed ones (SPEC section 3.4).
func isAnchored(facts *host.Facts, binding *Binding) bool {
	if host.IsCopyable(facts, binding.Profile) {
		return false
	}
	here := host.Tags(facts, binding.Profile)
	licensed := 0
	for _, name := range []string{"machine_id", "container_id"} {
		tag := binding.Tag(name)
		if tag != tagOf(here, name) {
			return false
		}
		licensed += len(tag)
	}
	return licensed > 0
}
