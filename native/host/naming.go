package host

import (
	"strconv"
	"strings"

	"hostseal/problem"
)

// lastGiven is the highest of the addresses of a /24 that are given to nobody who does not ask.
const lastGiven = 126

// Naming is what remedies are filled with: this container, its engine, and an address to give it.
func Naming(f *Facts) problem.Values {
	isPodman := f.Engine == "podman"
	subnet, last := freePlace(f)
	beside := Beside(f)
	hostname := f.Hostname
	if hostname == "" {
		hostname = "NAME"
	}
	named, gpus := "", ""
	if f.Hostname != "" && !strings.HasPrefix(orDash(f.ContainerID), hostname) {
		named = "--hostname " + Quoted(hostname) + " "
	}
	switch {
	case f.GPUs <= 0:
	case isPodman:
		gpus = "--device nvidia.com/gpu=all "
	default:
		gpus = "--gpus " + strconv.Itoa(f.GPUs) + " "
	}
	bridge := "bridge"
	if isPodman {
		bridge = "podman"
	}
	return problem.Of(
		"ip", orNil(f.IP),
		"after", orNil(f.IP),
		"engine", EngineCommand(f),
		"bridge", bridge,
		"container", NetworkName(f),
		"own", ContainerName(f),
		"hostname", hostname,
		"named", named,
		"subnet", subnet+".0/24",
		"subnet_gateway", subnet+".1",
		"subnet_range", subnet+".128/25",
		"subnet_ip", subnet+"."+strconv.Itoa(last),
		"gpus", gpus,
		"other_ip", elsewhere(f),
		"beside_device", orNil(beside.Name),
		"beside", orNil(beside.Address),
	)
}

// pinning are those of Naming that say how an address is pinned.
func pinning(f *Facts) []any {
	names, values := Naming(f), []any{}
	for _, name := range []string{"ip", "engine", "bridge", "container", "hostname", "gpus",
		"subnet", "subnet_gateway", "subnet_range", "subnet_ip"} {
		values = append(values, name, names[name])
	}
	return values
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// Quoted is word for a shell.
func Quoted(word string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%_+=:,./-"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'"'"'`) + "'"
}

// EngineCommand is the command of the engine; Docker's where it is not known.
func EngineCommand(f *Facts) string {
	if f.Engine == "podman" {
		return "podman"
	}
	return "docker"
}

// ContainerName is what the engine's commands may call this container by.
func ContainerName(f *Facts) string {
	if f.ContainerID == "" {
		return "CONTAINER"
	}
	return shortened(f.ContainerID)
}

// NetworkName is what they may call the container by that has this one's network: mostly itself.
func NetworkName(f *Facts) string {
	if f.NetworkContainer == "" {
		return ContainerName(f)
	}
	return shortened(f.NetworkContainer)
}

func shortened(id string) string {
	const digits = 12
	if len(id) < digits {
		return id
	}
	return id[:digits]
}

// freePlace is the first three numbers of a /24 to be made, and the last of an address for this
// container. Where an address is declared and can be had in a network that is to be made, that one.
// Else the /24 is in no /16 of this host's addresses, and the number is drawn from the container's
// id, so that each container is told another.
func freePlace(f *Facts) (subnet string, last int) {
	subnets := [...]string{"172.30.0", "172.31.250", "192.168.230", "10.230.0"}
	used := map[string]bool{}
	for _, one := range f.Interfaces {
		used[firstTwo(one.Address)] = true
	}
	if at := strings.LastIndexByte(f.PinnedIP, '.'); at >= 0 {
		subnet, end := f.PinnedIP[:at], f.PinnedIP[at+1:]
		number, err := strconv.Atoi(end)
		if err == nil && isAll(end, isDigit) && 1 < number && number <= lastGiven && !used[firstTwo(subnet)] {
			return subnet, number
		}
	}
	last = 2 + drawn(f)%(lastGiven-1)
	for _, one := range subnets {
		if !used[firstTwo(one)] {
			return one, last
		}
	}
	return subnets[0], last
}

// elsewhere is an address for this container in its present network, drawn from its id: above those
// that engines give out first, and below the half that ours keep for that.
func elsewhere(f *Facts) string {
	subnet := ""
	if at := strings.LastIndexByte(f.IP, '.'); at >= 0 {
		subnet = f.IP[:at]
	}
	return subnet + "." + strconv.Itoa(64+drawn(f)%(lastGiven-63))
}

// drawn is a number of the container whose network this is.
func drawn(f *Facts) int {
	const digits = 8
	id := f.NetworkContainer
	if id == "" {
		id = f.ContainerID
	}
	if len(id) > digits {
		id = id[:digits]
	}
	number, _ := strconv.ParseUint(id, 16, 32)
	return int(number)
}

func firstTwo(address string) string {
	parts := strings.SplitN(address, ".", 3)
	if len(parts) > 2 {
		parts = parts[:2]
	}
	return strings.Join(parts, ".")
}
