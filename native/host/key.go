package host

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"hostseal/problem"
)

// DefaultProfile is that of a licence, a request and a line that name none.
const DefaultProfile = "hk1"

// Version2 is the instant (2026-11-29T00:00:00Z) from which on licences are for hosts as SPEC
// section 3.7 has them.
const Version2 int64 = 1795910400

const (
	keyDigits = 40
	tagDigits = 16
)

// Components are the names of those of a host, in their order.
var Components = [...]string{"hostname", "ip", "machine_id", "container_id"}

// Profiles are the names of all profiles, the usual one first.
var Profiles = [...]string{"hk1", "hk1-host", Cluster, Site}

// ComponentsOf are the names of the components that a profile looks at; nil: there is no such one.
func ComponentsOf(profile string) []string {
	switch profile {
	case "hk1":
		return Components[:]
	case "hk1-host":
		return Components[:3]
	case Cluster:
		return []string{"cluster_uid"}
	case Site:
		return []string{"site", "roster"}
	}
	return nil
}

// A Key is the key of a host under a profile.
type Key struct{ Key, Hostname, Profile string }

// A Component is the name of a component and its value; nil: it is missing.
type Component struct {
	Name  string
	Value *string
}

// Components are those that a profile looks at, in their order.
func (f *Facts) Components(profile string) []Component {
	values := []string{f.Hostname, f.IP, f.MachineID, f.ContainerID}
	switch profile {
	case Cluster:
		values = []string{f.ClusterUID}
	case Site:
		values = []string{f.Site, f.Roster}
	}
	names := ComponentsOf(profile)
	of := make([]Component, len(names))
	for i, name := range names {
		of[i].Name = name
		if values[i] != "" {
			of[i].Value = &values[i]
		}
	}
	return of
}

// KeyOf is the key of a host with these components under a profile (SPEC section 3.2).
func KeyOf(of []Component, profile string) string {
	text := profile
	for _, one := range of {
		text += "\n" + one.Name + "="
		if one.Value == nil {
			text += "!missing"
		} else {
			text += strconv.Itoa(len(*one.Value)) + ":" + *one.Value
		}
	}
	return digest(text + "\n")[:keyDigits]
}

// Derive is the key of the host under a profile, or why it has none: nothing tells it from its
// copies, only the machine id of an image is there where a machine's is needed, or it belongs to no
// cluster or site.
func Derive(f *Facts, profile string) (Key, *problem.Problem) {
	var refused *problem.Problem
	switch profile {
	case Cluster:
		refused = checkCluster(f)
	case Site:
		refused = checkSite(f)
	case "hk1-host":
		refused = checkMachineID(f, profile)
	default:
		// The machine id of an unknown engine may be that of the image.
		counts := f.MachineID != "" && (f.Engine != Unknown || f.MachineIDBound)
		if f.ContainerID == "" && !counts {
			refused = unidentifiable(f)
		}
	}
	if refused != nil {
		return Key{}, refused
	}
	return Key{KeyOf(f.Components(profile), profile), f.Hostname, profile}, nil
}

func unidentifiable(f *Facts) *problem.Problem {
	if f.Engine != Unknown {
		why := problem.Because(
			"There is neither a machine id nor a container id under {root}", "root", f.Root)
		refused := problem.New("host-unidentifiable", "root", f.Root, "why", why)
		if f.Engine == "kubernetes" {
			return refused.Advised([]string{"pod-in-cluster"}, nil)
		}
		return refused
	}
	sign := f.EngineSign
	if sign == "" {
		sign = "?"
	}
	why := problem.Because("This is a container ({sign} shows it) whose engine gives it no id, and "+
		"its machine id may be the same in every copy of its image", "sign", sign)
	advice := []string{"in-container"}
	if strings.Contains(sign, "/ns/") {
		advice = append(advice, "not-contained")
	}
	return problem.New("host-unidentifiable", "root", f.Root, "why", why).Advised(advice, nil)
}

// AsIssued is the host as the rules saw it that a licence was issued under (SPEC section 3.7).
func AsIssued(f Facts, issuedAt int64) Facts {
	if issuedAt >= Version2 {
		return f
	}
	if f.OnceBare {
		f.Engine, f.ContainerID = "", ""
	}
	f.MachineIDOfImage = false
	f.MachineIDBound = f.MachineIDBound || f.OnceBound
	return f
}

// Anchor is the secret of a host, of which its tags are made (SPEC section 3.4); it never leaves
// the host. A component that the profile leaves out counts as missing.
func Anchor(f *Facts, profile string) [32]byte {
	const head = "hostseal anchor\n"
	switch profile {
	case "hk1":
		return sha256.Sum256([]byte(head + f.MachineID + "\n" + f.ContainerID))
	case Cluster:
		return sha256.Sum256([]byte(head + "\n\n" + f.ClusterUID))
	case Site:
		return sha256.Sum256([]byte(head + "\n\n" + f.Site))
	}
	return sha256.Sum256([]byte(head + f.MachineID + "\n"))
}

// IsCopyable tells whether nothing but an image may tell this host from another.
func IsCopyable(f *Facts, profile string) bool {
	if f.Engine == "" {
		return f.MachineIDOfImage
	}
	hasContainer := len(ComponentsOf(profile)) == len(Components)
	if hasContainer && f.ContainerID != "" {
		return false
	}
	return !f.MachineIDBound || (f.Engine == Unknown && hasContainer)
}

// A Tag lets the same host recognise one component again.
type Tag struct{ Name, Tag string }

// Tags are those of the components that are known, in their order. On a copyable host the components
// that could be searched for have none.
func Tags(f *Facts, profile string) []Tag {
	copyable, anchor := IsCopyable(f, profile), Anchor(f, profile)
	var tags []Tag
	for _, one := range f.Components(profile) {
		isKeyed := one.Name == "hostname" || one.Name == "ip"
		switch {
		case one.Value == nil || (isKeyed && copyable):
		case isKeyed:
			tags = append(tags, Tag{one.Name, keyedTag(one.Name, *one.Value, anchor)})
		default:
			tags = append(tags, Tag{one.Name, digest(one.Name + "\n" + *one.Value)[:tagDigits]})
		}
	}
	return tags
}

// LayerTag is a tag of the layer that a container of Docker writes to, which tells it from one that
// shares its network; empty under a profile that leaves the container out.
func LayerTag(f *Facts, profile string) string {
	if f.Layer == "" || f.ContainerID == "" || len(ComponentsOf(profile)) < len(Components) {
		return ""
	}
	return keyedTag("layer", f.Layer, Anchor(f, profile))
}

func keyedTag(name, value string, anchor [32]byte) string {
	mac := hmac.New(sha256.New, anchor[:])
	mac.Write([]byte(name + "\n" + value))
	return hex.EncodeToString(mac.Sum(nil))[:tagDigits]
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
