package license

import "hostseal/host"

// What a verdict on a component may be.
const (
	Same    = "same"
	Differs = "differs"
	Unsure  = "unknown"
)

// A Compared is one component of the host key, as licensed and as it is here; nil: it is missing, or
// of the licensed value that it is not known.
type Compared struct {
	Name, Verdict     string
	Present, Licensed *string
}

// IsShown tells whether people may see its values; ids are compared only.
func (c *Compared) IsShown() bool { return c.Name == "cluster_uid" || c.isKeyed() }

func (c *Compared) isKeyed() bool { return c.Name == "hostname" || c.Name == "ip" }

// A Comparison is what can be said of the licensed host from here. Nothing is guessed.
type Comparison struct {
	// Evidence is key (the keys are equal, or made of one component alone), memory (the licensed host was this one, and its values
	// were remembered), tags (the licence tells which differ, not what they were) or none.
	Evidence   string
	Components []Compared
	// Profile is another one than the licensed, under which the keys are equal.
	Profile string
}

// Machine stands in place of a component: whether the machine is on the roster of its site.
const Machine = "machine"

// Compare is the host that a licence names beside this one. Of a site the key is that of all its
// machines: whether this is one of them stands behind.
func Compare(binding *Binding, facts *host.Facts, memory *Memory) Comparison {
	found := compare(binding, facts, memory)
	isOfSite := found.Profile == host.Site || found.Profile == "" && binding.Profile == host.Site
	if isOfSite && facts.Site != "" {
		machine := Compared{Name: Machine, Verdict: verdict(host.PlaceOnRoster(facts) >= 0)}
		if facts.MachineID != "" {
			machine.Present = &facts.MachineID
		}
		found.Components = append(found.Components, machine)
	}
	return found
}

func compare(binding *Binding, facts *host.Facts, memory *Memory) Comparison {
	if facts.FormerIP != "" { // SPEC section 3.7
		former := *facts
		former.IP, former.FormerIP = facts.FormerIP, ""
		if found := compare(binding, &former, nil); found.Evidence == "key" {
			return found
		}
	}
	here := facts.Components(binding.Profile)
	if host.KeyOf(here, binding.Profile) == binding.Key {
		return Comparison{Evidence: "key", Components: allSame(here)}
	}
	for _, profile := range host.Profiles {
		key, refused := host.Derive(facts, profile)
		if refused == nil && profile != binding.Profile && key.Key == binding.Key {
			return Comparison{"key", allSame(facts.Components(profile)), profile}
		}
	}
	if memory != nil {
		if former := memory.HostOf(binding.Key, binding.Profile); former != nil {
			return Comparison{Evidence: "memory", Components: besideFormer(here, former)}
		}
	}
	if len(binding.Tags) == 0 && len(here) == 1 { // then it is this one that differs
		differs := Compared{here[0].Name, Differs, here[0].Value, nil}
		return Comparison{Evidence: "key", Components: []Compared{differs}}
	}
	if len(binding.Tags) == 0 {
		found := Comparison{Evidence: "none"}
		for _, one := range here {
			found.Components = append(found.Components, Compared{one.Name, Unsure, one.Value, nil})
		}
		return found
	}
	return Comparison{Evidence: "tags", Components: besideTags(binding, facts, here)}
}

func allSame(here []host.Component) []Compared {
	made := make([]Compared, len(here))
	for at, one := range here {
		made[at] = Compared{one.Name, Same, one.Value, one.Value}
	}
	return made
}

func besideFormer(here []host.Component, former *FormerHost) []Compared {
	made := make([]Compared, len(here))
	for at, one := range here {
		licensed := former.Value(one.Name)
		isSame := (licensed == nil) == (one.Value == nil) &&
			(licensed == nil || *licensed == *one.Value)
		made[at] = Compared{one.Name, verdict(isSame), one.Value, licensed}
	}
	return made
}

func besideTags(binding *Binding, facts *host.Facts, here []host.Component) []Compared {
	// A component that the profile leaves out has no tag: one of the licence differs from that.
	for _, name := range host.Components {
		if binding.Tag(name) != "" && !contains(host.ComponentsOf(binding.Profile), name) {
			here = append(here, host.Component{Name: name})
		}
	}
	tags := host.Tags(facts, binding.Profile)
	made := make([]Compared, len(here))
	// The tags of address and name hang on the anchors, and are withheld on a copyable host.
	isHidden := host.IsCopyable(facts, binding.Profile)
	for at, one := range here {
		isSame := tagOf(tags, one.Name) == binding.Tag(one.Name)
		made[at] = Compared{one.Name, verdict(isSame), one.Value, nil}
		isHidden = isHidden || !isSame && contains(host.Components[2:], one.Name)
	}
	for at := range made {
		one := &made[at]
		if isHidden && one.isKeyed() {
			one.Verdict = Unsure
		}
		if one.Verdict == Same {
			one.Licensed = one.Present
		}
	}
	return made
}

func verdict(isSame bool) string {
	if isSame {
		return Same
	}
	return Differs
}
