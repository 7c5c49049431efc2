package host

import "strings"

const (
	dockersGateway = "172.17.0.1"
	podmansPool    = "10.88."
)

// NetworkMode is how the container is connected, as far as it can be seen from inside: bare (no
// container), none, host, user-defined, default-bridge, pod or unknown (SPEC section 3.5).
func NetworkMode(f *Facts) string {
	switch {
	case f.Engine == "":
		return "bare"
	case f.Engine == "kubernetes":
		return "pod"
	case f.Engine == Unknown:
		return "unknown"
	case f.IP == "":
		return "none"
	case f.isOnHostNetwork():
		return "host"
	case f.isOnOwnNetwork():
		return "user-defined"
	}
	return "default-bridge"
}

func (f *Facts) isOnHostNetwork() bool {
	if f.OwnLink {
		return true
	}
	if f.Gateway == dockersGateway {
		return false // a container that runs an engine of its own sees bridges, too
	}
	for _, one := range f.Interfaces {
		for _, start := range []string{"docker", "br-", "cni-", "podman", "virbr"} {
			if strings.HasPrefix(one.Name, start) {
				return true
			}
		}
	}
	return false
}

// isOnOwnNetwork tells whether the address is of a network that somebody made, and not of the
// engine's default. On such a network Docker answers for names; podman's default is 10.88.0.0/16.
func (f *Facts) isOnOwnNetwork() bool {
	if f.Engine == "podman" {
		return !strings.HasPrefix(f.IP, podmansPool)
	}
	// A container on both has that name server, too, but may be reached by the default bridge.
	networks := map[string]bool{}
	for _, one := range f.Interfaces {
		if one.Address != "" && !isSix(one.Address) {
			networks[one.Name] = true
		}
	}
	isOnBoth := len(networks) > 1 && f.Gateway == dockersGateway
	return f.hasDockersDNS() && !isOnBoth
}

func (f *Facts) hasDockersDNS() bool {
	for _, one := range f.Nameservers {
		if one == dockersDNS {
			return true
		}
	}
	return false
}

// IsPinned tells whether the address is declared to be fixed, where anything can fix one: on Docker's
// default network nothing does.
func IsPinned(f *Facts) bool {
	isDeclared := f.PinnedIP != "" && f.PinnedIP == f.IP
	return isDeclared && !(f.Engine == "docker" && NetworkMode(f) == "default-bridge")
}

// IsOfWindows tells whether the address is one that Windows draws for WSL. Where WSL has the
// interfaces of Windows, loopback0 is beside them, and the addresses are those of Windows.
func IsOfWindows(f *Facts) bool {
	for _, one := range f.Interfaces {
		if one.Name == "loopback0" {
			return false
		}
	}
	return f.IsWSL && f.IP != ""
}
