package host

import (
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
)

// Whose an interface is, from the first to the last whose address may speak for a host (SPEC
// section 3.1).
const (
	ownInterface = iota
	innerInterface
	engineInterface
	tunnelInterface
)

const ethernet = 1

func isTunnelKind(kind string) bool {
	switch kind {
	case "tun", "wireguard", "ovpn", "ppp", "vxlan", "geneve", "bareudp", "gtp", "amt", "xfrm",
		"ipip", "ip6tnl", "sit", "gre", "gretap", "ip6gre", "ip6gretap", "erspan", "ip6erspan",
		"vti", "vti6":
		return true
	}
	return false
}

// isTunnelHardware: ARPHRD_PPP, TUNNEL, TUNNEL6, SIT, IPGRE, IP6GRE and NONE.
func isTunnelHardware(hardware int) bool {
	switch hardware {
	case 512, 768, 769, 776, 778, 823, 65534:
		return true
	}
	return false
}

func isTunnelName(name string) bool {
	if strings.HasPrefix(name, "zt") {
		return len(name) >= 10 && isAll(name[2:], func(b byte) bool {
			return isDigit(b) || ('a' <= b && b <= 'z')
		})
	}
	return isNumbered(name, "tun", "tap", "wg", "ppp", "tailscale", "ipsec", "utun")
}

func isEngineName(name string) bool {
	if isNumbered(name, "docker", "cni", "podman", "cni-podman", "virbr", "lxcbr", "lxdbr",
		"incusbr", "mpqemubr", "nerdctl", "cbr", "vmnet", "vboxnet", "waydroid") {
		return true
	}
	for _, start := range []string{"kube-", "cilium_", "flannel", "weave"} {
		if strings.HasPrefix(name, start) {
			return true
		}
	}
	const bridge, digits = "br-", 12
	if strings.HasPrefix(name, bridge) {
		return len(name) == len(bridge)+digits && isAll(name[len(bridge):], isHex)
	}
	return name == "docker_gwbridge" || name == "nodelocaldns"
}

// isNumbered tells whether name is one of these and a number.
func isNumbered(name string, starts ...string) bool {
	for _, start := range starts {
		if strings.HasPrefix(name, start) && isAll(name[len(start):], isDigit) {
			return true
		}
	}
	return false
}

// rank is whose an interface is. Ports are the kinds of those of a bridge; nil: not known.
func rank(name, kind string, hardware int, ports []string) int {
	if isTunnelKind(kind) || isTunnelHardware(hardware) || isTunnelName(name) {
		return tunnelInterface
	}
	if isEngineName(name) {
		return engineInterface
	}
	if kind != "bridge" || ports == nil {
		return ownInterface
	}
	for _, port := range ports {
		if port != "veth" && port != "tun" {
			return ownInterface
		}
	}
	return innerInterface // nothing leaves the machine by it
}

// isNameOfInterface: no kernel has one with these characters in its name.
func isNameOfInterface(name string) bool { return name != "" && !strings.ContainsAny(name, "/\x00") }

// ofInterface is the text of a file that a kernel has for an interface; empty where there is none.
func ofInterface(root, name, file string) string {
	if !isNameOfInterface(name) {
		return ""
	}
	return text(filepath.Join(root, "sys/class/net", name, file))
}

// recordedRank is whose an interface is, by what /sys/class/net shows of it.
func recordedRank(root, name string) int {
	if !isNameOfInterface(name) {
		return ownInterface
	}
	kind := kindIn(ofInterface(root, name, "uevent"))
	if exists(filepath.Join(root, "sys/class/net", name, "tun_flags")) {
		kind = "tun"
	}
	return rank(name, kind, hardwareIn(ofInterface(root, name, "type")), nil)
}

// kindIn is the kind of an interface, of the first line of a uevent that has one.
func kindIn(uevent string) string {
	for _, line := range strings.Split(uevent, "\n") {
		kind := strings.TrimPrefix(line, "DEVTYPE=")
		isOther := func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsNumber(r) }
		if kind != line && kind != "" && strings.IndexFunc(kind, isOther) < 0 {
			return kind
		}
	}
	return ""
}

// hardwareIn is the number of a type of hardware; that of Ethernet where it is none.
func hardwareIn(text string) int {
	const mostDigits = 5 // the kernel keeps it in 16 bits
	text = trimmed(text)
	if len(text) > mostDigits || !isAll(text, isDigit) {
		return ethernet
	}
	number, _ := strconv.Atoi(text)
	return number
}

// endsAtItself tells whether an interface ends at itself, or at its parent as a VLAN does: one of a
// container ends in another network namespace.
func endsAtItself(root, name string) bool {
	number := trimmed(ofInterface(root, name, "ifindex"))
	return number != "" && (number == trimmed(ofInterface(root, name, "iflink")) ||
		strings.Contains(ofInterface(root, name, "uevent"), "DEVTYPE=vlan\n"))
}
