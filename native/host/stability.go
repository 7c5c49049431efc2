package host

import "hostseal/problem"

// Notices are what would break the host's key at a restart, with the commands that prevent it (SPEC
// section 3.5). They are for a host that no licence is for yet: most make another key.
func Notices(f *Facts, profile string) []problem.Notice {
	switch profile {
	case Cluster:
		return nil
	case Site:
		return ofMachineID(f)
	}
	var found []problem.Notice
	// A guest has all that is in its key from the container whose network it is in.
	if f.InOlderNetwork && NetworkMode(f) != "host" && profile == DefaultProfile {
		found = append(found, problem.Remark("network-of-another"))
	}
	found = append(found, ofMachineID(f)...)
	return append(found, ofAddress(f, profile)...)
}

// OfLicensed are what would break the key that a licence is for, which is valid now and stays
// so. hasLayer: the licence tells this container from others in its network.
func OfLicensed(f *Facts, profile string, hasLayer bool) []problem.Notice {
	later := map[string]string{
		"address-may-change":  "pin-later",
		"address-unconfirmed": "confirm-or-pin-later",
		"address-is-lent":     "reserve-later",
		"address-of-wsl":      "mirror-later",
	}
	var found []problem.Notice
	for _, notice := range Notices(f, profile) {
		if hasLayer && notice.Slug == "network-of-another" {
			continue
		}
		if advice, is := later[notice.Slug]; is {
			notice = notice.Advised([]string{advice}, problem.Of("ip", orNil(f.IP)))
		}
		found = append(found, notice)
	}
	return found
}

func ofMachineID(f *Facts) []problem.Notice {
	switch {
	case f.MachineID == "" && f.ContainerID != "":
		return []problem.Notice{problem.Remark("machine-id-missing")}
	case f.MachineID == "":
		return nil
	case f.MachineIDMayChange:
		return []problem.Notice{problem.Remark("machine-id-may-change", "path", f.MachineIDFile)}
	case f.MachineIDOfImage:
		return []problem.Notice{problem.Remark("machine-id-of-image", "path", f.MachineIDFile)}
	}
	return nil
}

// OfFormerRules are what is to be known of a licence that holds for this host by rules of an
// earlier version.
func OfFormerRules(f *Facts, issuedAt int64) []problem.Notice {
	if issuedAt >= Version2 || !f.OnceBare {
		return nil
	}
	sign := f.EngineSign
	if sign == "" {
		sign = f.Engine
	}
	return []problem.Notice{problem.Remark("container-as-machine", "sign", sign)}
}

func ofAddress(f *Facts, profile string) []problem.Notice {
	if IsPinned(f) {
		return nil
	}
	ip := orNil(f.IP)
	switch mode := NetworkMode(f); {
	case mode == "pod" && profile == "hk1-host":
		return []problem.Notice{ofPod(f, "pod-address-changes")}
	case mode == "pod":
		return []problem.Notice{ofPod(f, "pod-is-replaced")}
	case mode == "none" && f.NetworkLost:
		lost := problem.Remark("network-lost")
		return []problem.Notice{lost.Advised(AdviceOnAddress(f, mode, ""), Naming(f))}
	case IsOfWindows(f):
		return []problem.Notice{problem.Remark("address-of-wsl", "ip", ip)}
	case mode == "bare" || mode == "none" || mode == "host":
		if !f.IPIsLent {
			return nil
		}
		return []problem.Notice{problem.Remark("address-is-lent", "ip", ip, "device", f.device())}
	case mode == "unknown":
		return []problem.Notice{
			problem.Remark("engine-unknown", "sign", orNil(f.EngineSign), "ip", ip)}
	case mode == "user-defined":
		unconfirmed := problem.Remark("address-unconfirmed", "ip", ip)
		return []problem.Notice{unconfirmed.Advised(AdviceOnPinningThere(f), Naming(f))}
	}
	mayChange := problem.Remark("address-may-change", pinning(f)...)
	return []problem.Notice{mayChange.Advised(AdviceOnPinning(f), Naming(f))}
}

func ofPod(f *Facts, slug string) problem.Notice {
	if f.ClusterUID != "" {
		return problem.Remark(slug).Advised([]string{"cluster-fits"}, nil)
	}
	return problem.Remark(slug)
}

// Proposals say which other profile may fit this host better, before a licence is ordered.
func Proposals(f *Facts, profile string) []problem.Notice {
	switch {
	case IsShared(profile):
		return nil
	case f.Site != "":
		return []problem.Notice{problem.Remark("site-may-fit", "path", f.SiteFile)}
	case profile == DefaultProfile && f.MachineIDBound && f.Engine != "kubernetes":
		return []problem.Notice{problem.Remark("machine-may-fit", "path", f.MachineIDFile)}
	}
	return nil
}

// device is the interface of the address; nil: none is known.
func (f *Facts) device() any {
	for _, one := range f.Interfaces {
		if f.IP != "" && one.Address == f.IP {
			return one.Name
		}
	}
	return nil
}

// orNil is text as a value of a problem, which is nil for what is not known.
func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// CheckPinned is what is wrong with the address that the operator declares: it is not the present
// one, or no address; nil: nothing.
func CheckPinned(f *Facts, profile string) *problem.Problem {
	if IsShared(profile) || f.PinnedIP == "" || f.PinnedIP == f.IP || f.PinnedIP == f.FormerIP {
		return nil
	}
	if Address(f.PinnedIP) == "" {
		return problem.New("pinned-address-invalid", "pinned", f.PinnedIP)
	}
	names := Naming(f)
	differs := problem.New("pinned-address-differs", "pinned", f.PinnedIP, "ip", orNil(f.IP),
		"engine", names["engine"], "container", names["container"])
	names["before"] = f.PinnedIP
	return differs.Advised(AdviceOnPinned(f, NetworkMode(f)), names)
}
