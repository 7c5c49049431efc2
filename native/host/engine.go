package host

import (
	"strings"
)

// Unknown is the engine of a container that nothing that an image can carry tells from its copies.
const Unknown = "unknown"

const (
	cgroupFile    = "/proc/self/cgroup"
	mountinfoFile = "/proc/self/mountinfo"
	kernelFile    = "/proc/sys/kernel/osrelease"
	ownFile       = "/run/.containerenv"
	apptainer     = "/.singularity.d"
	initOfWSL     = "/init"
)

// namespaces are those that a machine shows in /proc/self/ns, with the numbers that they have in
// every kernel.
var namespaces = [...][2]string{
	{"pid", "pid:[4026531836]"},
	{"cgroup", "cgroup:[4026531835]"},
	{"uts", "uts:[4026531838]"},
	{"ipc", "ipc:[4026531839]"},
	{"user", "user:[4026531837]"},
}

// marks are files that a container has from its init process, systemd-nspawn or Apptainer.
var marks = []string{"/run/systemd/container", "/run/host/container-manager", apptainer}

// networkFiles come with the network of a container.
var networkFiles = []string{"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"}

// ownFiles are those whose mounts may show the container's own id.
var ownFiles = append([]string{ownFile}, networkFiles...)

var podFiles = []string{"/etc/hosts", "/dev/termination-log"}

// A mount is what is mounted on a place (proc(5), mountinfo).
type mount struct {
	// root is its folder or file within the file system.
	root string
	// kind is the type of the file system; empty where the line does not say.
	kind    string
	source  string
	options string
}

// mounted are the mounts by their place: of several on one place the last, which is on top.
type mounted map[string]mount

// mounts reads /proc/self/mountinfo.
func mounts(mountinfo string) mounted {
	found := mounted{}
	for _, line := range lines(mountinfo) {
		fields := words(line)
		if len(fields) < 5 {
			continue
		}
		one := mount{root: fields[3]}
		for at := 6; at < len(fields); at++ {
			if fields[at] == "-" {
				rest := append(fields[at+1:], "", "", "")
				one.kind, one.source, one.options = rest[0], rest[1], rest[2]
				break
			}
		}
		found[fields[4]] = one
	}
	return found
}

// first is what look finds in the root of the first of these places that has it.
func (m mounted) first(places []string, look func(root string) (string, bool)) (string, bool) {
	for _, place := range places {
		if one, is := m[place]; is {
			if found, ok := look(one.root); ok {
				return found, true
			}
		}
	}
	return "", false
}

// upper is the layer that / is written to.
func (m mounted) upper() string {
	for _, option := range strings.Split(m["/"].options, ",") {
		if strings.HasPrefix(option, "upperdir=") && option != "upperdir=" {
			return option[len("upperdir="):]
		}
	}
	return ""
}

// What a kernel shows of the container that a process is in.
type shown struct {
	cgroup  string
	mounted mounted
	// namespaces are the links of those that could be read.
	namespaces map[string]string
	// files are those of ownFile and marks that exist.
	files          map[string]bool
	machineIDBound bool
	isPod          bool // as the environment says
	isPodman       bool
	kernel         string
}

// An engine is what runs this container, and how it is known.
type engine struct {
	// name is docker, podman, kubernetes or unknown; empty on a machine's own root.
	name             string
	containerID      string
	containerIDFile  string
	networkContainer string
	layerDigest      string
	layer            string
	// sign is, of an unknown engine, the file that shows that this is no machine.
	sign     string
	onceBare bool
	isWSL    bool
}

// isDockerByNetwork tells whether it is Docker's, and its id stands in nothing but the files of its
// network.
func (e *engine) isDockerByNetwork() bool {
	return e.name == "docker" && e.containerIDFile == mountinfoFile
}

// recognise is the engine of a process that is shown this.
func recognise(s *shown) engine {
	driver, _ := s.mounted.first(ownFiles, storageDriver)
	var found engine
	found.containerID, found.containerIDFile = s.containerID()
	wasBare := found.containerID == "" && !s.isPod && !s.files[ownFile]
	isWSL := s.isWSL()
	switch {
	case s.isPod || s.showsPod():
		found.name = "kubernetes"
	case s.files[ownFile] || driver != "" || s.isPodman || strings.Contains(s.cgroup, "libpod"):
		found.name = "podman"
	case found.containerID != "":
		found.name = "docker"
	default:
		found.byMounts(s, isWSL)
	}
	if found.containerID != "" {
		owner, _ := s.mounted.first(networkFiles, folderOfContainer)
		if owner != found.containerID {
			found.networkContainer = owner
		}
	}
	found.layerDigest, found.layer = s.mounted.layerDigest(), s.mounted.layer()
	found.onceBare = wasBare && found.name != ""
	found.isWSL = isWSL && found.name == ""
	return found
}

// byMounts is the engine of a container that version 1 of the rules did not know, or none.
func (e *engine) byMounts(s *shown, isWSL bool) {
	if id, ok := s.mounted.first(networkFiles, onOwnDisk); ok {
		e.name, e.containerID, e.containerIDFile = "docker", id, mountinfoFile
		return
	}
	e.sign = s.sign(isWSL)
	if e.sign == "" {
		return
	}
	e.name = Unknown
	e.containerID, _ = s.mounted.first(networkFiles, withNamespace)
	if e.containerID == "" && s.machineIDBound && e.sign != apptainer {
		e.containerID = s.mounted.layerDigest() // with Apptainer all have the same
	}
	if e.containerID != "" {
		e.containerIDFile = mountinfoFile
	}
}

// containerID is the container's own id and where it stands. The control groups come first: with
// --network container:X the files of the network are those of X.
func (s *shown) containerID() (id, file string) {
	if id := lastID(s.cgroup); id != "" {
		return id, cgroupFile
	}
	if id, ok := s.mounted.first(ownFiles, folderOfContainer); ok {
		return id, mountinfoFile
	}
	return "", ""
}

// showsPod tells whether this is a pod of Kubernetes, also where sudo or cron has emptied the
// environment.
func (s *shown) showsPod() bool {
	if strings.Contains(s.cgroup, "kubepods") {
		return true
	}
	for place := range s.mounted {
		if strings.HasPrefix(place, "/var/run/secrets/kubernetes.io") ||
			strings.HasPrefix(place, "/run/secrets/kubernetes.io") {
			return true
		}
	}
	_, ok := s.mounted.first(podFiles, folderOfPod)
	return ok
}

// isWSL tells whether this is a distribution of WSL: each has namespaces of its own.
func (s *shown) isWSL() bool {
	init, is := s.mounted[initOfWSL]
	return is && init.root == initOfWSL && strings.Contains(lower(s.kernel), "microsoft")
}

// sign is the file that shows that root, namespaces or control groups are not the machine's own.
func (s *shown) sign(isWSL bool) string {
	if s.isOther(0) && !isWSL && !s.isPIDAlone() {
		return "/proc/self/ns/pid"
	}
	if s.isOther(1) {
		return "/proc/self/ns/cgroup"
	}
	if ofEngine(s.cgroup) {
		return cgroupFile
	}
	if s.isForeign() {
		return mountinfoFile
	}
	// A machine that was made of an image of Apptainer has its folder, too, but on a plain root.
	kind := s.mounted["/"].kind
	isPlain := !isStacked(kind) && kind != "squashfs" && !strings.HasPrefix(kind, "fuse.")
	for _, mark := range marks {
		if s.files[mark] && !(isPlain && mark == apptainer) {
			return mark
		}
	}
	return ""
}

// isOther tells whether the namespace of this place in namespaces is seen not to be the machine's.
func (s *shown) isOther(at int) bool {
	link, is := s.namespaces[namespaces[at][0]]
	return is && link != namespaces[at][1]
}

// isPIDAlone tells whether all but the namespace of processes is seen to be the machine's own. So it
// is with unshare --pid and services that hide the processes of others.
func (s *shown) isPIDAlone() bool {
	if s.mounted["/dev"].kind != "devtmpfs" {
		return false
	}
	for _, one := range namespaces[1:] {
		if s.namespaces[one[0]] != one[1] {
			return false
		}
	}
	return true
}

// ofEngine tells whether control groups are those of a container.
func ofEngine(cgroup string) bool {
	for _, part := range []string{
		"/docker/", "/ecs/", "/garden/", "/lxc/", "/lxd/", "/incus/", "/lxc.payload",
	} {
		if strings.Contains(cgroup, part) {
			return true
		}
	}
	for _, line := range strings.Split(cgroup, "\n") {
		if _, below, _ := strings.Cut(line, "/machine.slice/"); strings.Contains(below, "/payload") {
			return true
		}
	}
	return false
}

// isStacked tells of the type of a root that engines stack. A machine may stack its own, too.
func isStacked(kind string) bool {
	switch kind {
	case "overlay", "aufs", "fuse-overlayfs", "fuse.fuse-overlayfs":
		return true
	}
	return false
}

// isForeign tells whether what is mounted shows that this root is not the machine's own.
func (s *shown) isForeign() bool {
	hasKinds, hasLxcfs := false, false
	for place, one := range s.mounted {
		hasKinds = hasKinds || one.kind != ""
		hasLxcfs = hasLxcfs || (one.kind == "fuse.lxcfs" && strings.HasPrefix(place, "/proc/"))
	}
	if !hasKinds {
		return false // no record, or none that says what is mounted
	}
	root, is := s.mounted["/"]
	if !is || hasLxcfs {
		return true // a changed root, of which the mount is out of sight; or LXC
	}
	hasAll := true
	for _, file := range networkFiles {
		_, has := s.mounted[file]
		hasAll = hasAll && has
	}
	switch {
	case hasAll:
		return true
	case isStacked(root.kind):
		// A live or an immutable system stacks its root, too: its processes are the machine's.
		return s.namespaces["pid"] != namespaces[0][1] || isEnginesLayer(s.mounted.upper())
	case root.kind == "9p" || root.kind == "gofer" || root.kind == "virtiofs":
		return true
	case root.kind == "btrfs":
		return anyPart(root.root, isEnginesSubvolume)
	case root.kind == "zfs" && anyPart(root.source, isEnginesDataset):
		return true
	case lastID(root.source) != "":
		return true // a device or a dataset that an engine has named
	}
	return root.root != "/" && !strings.HasPrefix(root.root, "/ostree/deploy/")
}

// layerDigest is an id of the layer that this container writes to: no other on its machine has it.
func (m mounted) layerDigest() string {
	if upper := m.upper(); upper != "" {
		return digest("hostseal layer\n" + upper)
	}
	return ""
}

// layer is the engine's own name of the layer, folder or device that this container writes to,
// wherever the engine keeps it.
func (m mounted) layer() string {
	if name := nameOfLayer(m.upper()); name != "" {
		return name
	}
	// Drivers that stack nothing have a folder, a dataset or a device for each container.
	root := m["/"]
	return lastID(root.source + " " + root.root)
}
