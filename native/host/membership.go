package host

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"hostseal/problem"
)

// Cluster and Site are the profiles whose keys many hosts have (SPEC section 3.9).
const (
	Cluster = "hk1-cluster"
	Site    = "hk1-site"
)

// IsShared tells whether a key under the profile is that of many hosts. A client of before 2026-11-30
// knows no such profile: a licence says that it needs it.
func IsShared(profile string) bool { return profile == Cluster || profile == Site }

// Tagged are the components of which a request or licence under a profile may have tags.
func Tagged(profile string) []string {
	if IsShared(profile) {
		return ComponentsOf(profile)
	}
	return Components[:]
}

// checkCluster is why the host is seen to be no pod of a cluster; nil: it is one.
func checkCluster(f *Facts) *problem.Problem {
	var why any
	switch {
	case f.Engine != "kubernetes":
		why = problem.Because("this is not a pod of Kubernetes")
	case f.ClusterUID == "" && f.ClusterWhy != nil:
		why = *f.ClusterWhy
	case f.ClusterUID == "":
		why = problem.Because("LICENSE_CLUSTER_UID is not set")
	default:
		return nil
	}
	return problem.New("host-cluster-unknown", "why", why)
}

// checkSite is why the host is seen to be on no machine of a site; nil: it is on one.
func checkSite(f *Facts) *problem.Problem {
	if f.Site == "" {
		return NoSite(f)
	}
	if refused := CheckOwnMachineID(f); refused != nil {
		return refused
	}
	if PlaceOnRoster(f) < 0 {
		return problem.New("host-not-in-site", "path", f.SiteFile, "count", len(machines(f)))
	}
	return nil
}

// NoSite is that nothing is known of a site.
func NoSite(f *Facts) *problem.Problem {
	var why any = problem.Because("LICENSE_SITE is not set")
	if f.SiteWhy != nil {
		why = *f.SiteWhy
	}
	return problem.New("host-site-unknown", "why", why)
}

// CheckOwnMachineID is why the machine id is none by which a machine is on a roster; nil: it is one.
func CheckOwnMachineID(f *Facts) *problem.Problem {
	if refused := checkMachineID(f, Site); refused != nil {
		return refused
	}
	if f.MachineIDOfImage {
		found := "only the one of the system image, the same in every copy"
		refused := problem.New("host-machine-id-not-bound", "profile", Site, "root", f.Root, "found", found)
		return refused.Advised([]string{"own-machine-id"}, nil)
	}
	return nil
}

// checkMachineID is why the machine id is not the machine's own; nil: it is.
func checkMachineID(f *Facts, profile string) *problem.Problem {
	if f.MachineID != "" && (f.Engine == "" || f.MachineIDBound) {
		return nil
	}
	found := "only the one from the container's image"
	if f.MachineID == "" {
		found = "none"
	}
	return problem.New("host-machine-id-not-bound", "profile", profile, "root", f.Root, "found", found)
}

// MachineTag is the tag of a machine on the roster of a site.
func MachineTag(site, machineID string) string {
	key, _ := hex.DecodeString(site)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("machine_id\n" + machineID))
	return hex.EncodeToString(mac.Sum(nil))[:tagDigits]
}

// PlaceOnRoster is how many machines stand before this one; -1: it is not on the roster.
func PlaceOnRoster(f *Facts) int {
	if f.Site != "" && f.MachineID != "" {
		own := MachineTag(f.Site, f.MachineID)
		for at, tag := range machines(f) {
			if tag == own {
				return at
			}
		}
	}
	return -1
}

// SizeOfSite is how many machines the site has.
func SizeOfSite(f *Facts) int { return len(machines(f)) }

// SizeWithKey is how many machines the site had when it had this key; 0: it never had it.
func SizeWithKey(f *Facts, key string) int {
	tags := machines(f)
	former := *f
	for count := len(tags) - 1; count > 0; count-- {
		former.Roster = strings.Join(tags[:count], ",")
		if KeyOf(former.Components(Site), Site) == key {
			return count
		}
	}
	return 0
}

func machines(f *Facts) []string {
	if f.Roster == "" {
		return nil
	}
	return strings.Split(f.Roster, ",")
}
