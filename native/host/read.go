package host

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
)

const (
	dockersDNS = "127.0.0.11"
	// listens is what /proc/net/udp has of Docker's name server.
	listens = " 0B00007F:"
)

var machineIDFiles = [...]string{"/etc/machine-id", "/var/lib/dbus/machine-id"}

// ReadFacts is what can be known of the host under root: "/" is the machine or the container that
// this process runs in, another folder is a record of one. A file that is not there means that the
// host has no such thing; one that cannot be read is the error, a *problem.Problem.
//
// env is the environment: that says LICENSE_PINNED_IP, LICENSE_CLUSTER_UID, LICENSE_SITE,
// KUBERNETES_SERVICE_HOST and PATH.
func ReadFacts(root string, env func(name string) string) (Facts, error) {
	if whole, err := filepath.Abs(root); err == nil {
		root = whole
	}
	var net network
	if root == "/" {
		net = live()
	} else {
		net = recorded(root)
	}
	p := &probe{root: root}
	shown := shown{mounted: mounts(p.text(mountinfoFile))}
	facts := Facts{IP: net.ip, Interfaces: net.interfaces, FormerIP: net.formerIP,
		IPIsLent: net.isLent, Gateway: net.gateway, Root: root}
	facts.MachineID, facts.MachineIDFile = p.machineID()
	facts.Nameservers = p.nameservers()
	bound, isMounted := shown.mounted[facts.MachineIDFile]
	facts.OnceBound = isMounted && isInMemory(bound.kind)
	facts.MachineIDBound = isMounted && !facts.OnceBound
	shown.machineIDBound = facts.MachineIDBound
	shown.read(p, env)
	found := recognise(&shown)
	facts.is(&found)
	facts.isOnItsOwnFile(shown.mounted)
	facts.Hostname = p.hostname()
	facts.NetworkLost = facts.IP == "" && p.hadNetwork(&facts)
	facts.PinnedIP = readPin(env(PinnedIP))
	facts.belongs(p, env)
	facts.GPUs = countGPUs(root, env("PATH"))
	facts.OwnLink = facts.ContainerID != "" && facts.endsAtItself()
	facts.InOlderNetwork = found.isDockerByNetwork() && inOlderNetwork(root, net.madeAt, slept())
	if p.err != nil {
		return Facts{}, p.err
	}
	return facts, nil
}

// read is what the files of a host show beside its mounts, and what its environment says.
func (s *shown) read(p *probe, env func(name string) string) {
	s.cgroup = p.text(cgroupFile)
	s.namespaces = map[string]string{}
	for _, one := range namespaces {
		if link, err := os.Readlink(p.path("proc/self/ns/" + one[0])); err == nil {
			s.namespaces[one[0]] = link
		}
	}
	s.files = map[string]bool{}
	for _, file := range append([]string{ownFile}, marks...) {
		s.files[file] = exists(p.path(file))
	}
	s.isPod = env("KUBERNETES_SERVICE_HOST") != ""
	s.isPodman = env("container") == "podman"
	s.kernel = p.text(kernelFile)
}

// is takes what its engine is known to be.
func (f *Facts) is(found *engine) {
	f.Engine, f.EngineSign = found.name, found.sign
	f.ContainerID, f.ContainerIDFile = found.containerID, found.containerIDFile
	f.NetworkContainer, f.LayerDigest = found.networkContainer, found.layerDigest
	f.OnceBare, f.IsWSL = found.onceBare, found.isWSL
	if f.Engine == "docker" {
		f.Layer = found.layer
	}
}

// isOnItsOwnFile tells what the mount says that holds the file of the machine id.
func (f *Facts) isOnItsOwnFile(mounted mounted) {
	place := f.MachineIDFile
	for place != "" {
		if _, is := mounted[place]; is {
			break
		}
		place = place[:strings.LastIndexByte(place, '/')]
	}
	holder := mounted["/"]
	if place != "" {
		holder = mounted[place]
	}
	// The stacked root of a live system keeps nothing; a container's is kept with the container.
	isLive := f.Engine == "" && place == "" && holder.kind == "overlay"
	f.MachineIDMayChange = isInMemory(holder.kind) || isLive
	f.MachineIDOfImage = f.Engine == "" && (isLive || isImage(holder.kind))
}

func isInMemory(kind string) bool { return kind == "tmpfs" || kind == "ramfs" }

// isImage tells of file systems that are made once, and that nobody can write to.
func isImage(kind string) bool {
	switch kind {
	case "squashfs", "erofs", "iso9660", "udf", "cramfs", "romfs":
		return true
	}
	return false
}

// hostname is the kernel's own name; only the letters of ASCII are folded.
func (p *probe) hostname() string {
	var raw []byte
	if p.root == "/" {
		raw = kernelsName()
	} else if raw = p.bytes("/proc/sys/kernel/hostname"); len(raw) == 0 {
		raw = p.bytes("/etc/hostname")
	}
	name := escaped(lowerBytes(bytes.TrimRight(trimmedBytes(raw), ".")))
	if name == "(none)" {
		return ""
	}
	return name
}

// machineID is the machine id and the file that it stands in (systemd's machine-id(5)).
func (p *probe) machineID() (id, file string) {
	const digits = 32
	for _, file := range machineIDFiles {
		id := lower(trimmed(p.text(file)))
		if len(id) == digits && isAll(id, isHex) && strings.Trim(id, "0") != "" {
			return id, file
		}
	}
	return "", ""
}

// nameservers are those of resolv.conf; and Docker's own, which listens in the container whatever
// stands there.
func (p *probe) nameservers() []string {
	var named []string
	hasDockers := false
	for _, line := range lines(p.text("/etc/resolv.conf")) {
		if fields := words(line); len(fields) > 1 && fields[0] == "nameserver" {
			named = append(named, fields[1])
			hasDockers = hasDockers || fields[1] == dockersDNS
		}
	}
	if !hasDockers && strings.Contains(p.text("/proc/net/udp"), listens) {
		named = append(named, dockersDNS)
	}
	return named
}

// hadNetwork tells whether the files of an engine tell of a network that a container without one has
// had.
func (p *probe) hadNetwork(f *Facts) bool {
	for _, name := range f.Nameservers {
		if name == dockersDNS {
			return true
		}
	}
	for _, line := range lines(lower(p.text("/etc/hosts"))) {
		fields := words(line)
		if len(fields) == 0 || isLoopback(fields[0]) {
			continue
		}
		for _, name := range fields[1:] {
			if name == f.Hostname || name == "host.containers.internal" {
				return true
			}
		}
	}
	return false
}

// isLoopback tells of the first word of a line of /etc/hosts; a remark is none either.
func isLoopback(word string) bool {
	return strings.HasPrefix(word, "127.") || strings.HasPrefix(word, "::1") ||
		strings.HasPrefix(word, "#")
}

// endsAtItself tells whether the interface of the address is seen to be the machine's own.
func (f *Facts) endsAtItself() bool {
	if f.IP == "" {
		return false
	}
	for _, one := range f.Interfaces {
		if one.Address == f.IP {
			return endsAtItself(f.Root, one.Name)
		}
	}
	return false
}
