// Package host reads a host and makes its host key (SPEC section 3).
//
// ReadFacts is the only one that reads files and asks the kernel; all else is from facts to texts.
package host

import "hostseal/problem"

// Facts are what is known of a host, without judgement. An empty text: this host does not have it,
// or it cannot be read.
type Facts struct {
	// The four components of a host key; all others are evidence, never in a key.
	Hostname, IP, MachineID, ContainerID string

	// MachineIDFile and ContainerIDFile are where these two stand.
	MachineIDFile, ContainerIDFile string
	// MachineIDBound: the file is a mount of its own, as one bound in from the host is. One in memory
	// is not: it was drawn when this host was started.
	MachineIDBound bool
	// MachineIDMayChange: the file is seen to be another after the next boot.
	MachineIDMayChange bool
	// MachineIDOfImage: of a machine, the file may be that of a system image.
	MachineIDOfImage bool
	// IsWSL: a distribution of WSL, whose address Windows may change at any start.
	IsWSL bool

	// Engine is docker, podman, kubernetes or unknown; empty on a bare machine.
	Engine string
	// EngineSign is, of an unknown engine, the file that shows that this is a container.
	EngineSign string
	// OnceBare: the rules of version 1 took this container for a machine (SPEC section 3.7).
	OnceBare bool
	// OnceBound: they took a machine id in memory for one that is bound in.
	OnceBound bool

	// Interfaces stand in the order of their names, loopback and link-local left out.
	Interfaces []Interface
	// FormerIP is the address that version 1 of the rules takes, where it is another than IP.
	FormerIP string
	// IPIsLent: IP ends unless a server (DHCP) or a router lends it again.
	IPIsLent bool
	// OwnLink: the interface of IP is seen to be the machine's own.
	OwnLink bool
	// NetworkContainer is the id of the container whose network this one shares.
	NetworkContainer string
	// InOlderNetwork: the network is seen to be older than this container, so it is another's.
	InOlderNetwork bool
	// Gateway is the IPv4 address of the default gateway.
	Gateway     string
	Nameservers []string
	// NetworkLost: there is no IP, and the engine's files tell of a network that there was.
	NetworkLost bool
	// PinnedIP is what the operator declares to be fixed, as typed where it is no address.
	PinnedIP string

	// LayerDigest is an id of the layer that / is written to, which is another in each container.
	LayerDigest string
	// Layer is, of a container of Docker, the engine's name of that layer, for the tag.
	Layer string
	// ClusterUID is that of the cluster that a pod runs in, as its operator hands it in; ClusterWhy
	// why there is none, though LICENSE_CLUSTER_UID is set.
	ClusterUID string
	ClusterWhy *problem.Reason `json:"-"`
	// Site is the identity of the site, and Roster the tags of its machines with commas between. They
	// stand in SiteFile, where LICENSE_SITE is set; SiteWhy is why there is none there.
	Site, Roster, SiteFile string
	SiteWhy                *problem.Reason `json:"-"`

	// GPUs is how many NVIDIA GPUs can be used here; Uncounted where there is a driver, and no count.
	GPUs int
	// Root is where the host was read.
	Root string
}

// Uncounted is the number of GPUs that could not be counted.
const Uncounted = -1

// An Interface is a network interface and one of its addresses; one without any has an empty one.
type Interface struct{ Name, Address string }
