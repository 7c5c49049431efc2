package host

import "strings"

// Which remedies fit the host at hand, by their names in the tables of problem. Nil: the remedy of
// the row will do. The mode is how the host is connected (NetworkMode).

// HasCommands tells whether the container can be named in commands of an engine that is known.
func HasCommands(f *Facts) bool {
	return (f.Engine == "docker" || f.Engine == "podman") && f.ContainerID != ""
}

// Beside is the interface and address of another network that the container is on as well; empty:
// there is none.
func Beside(f *Facts) Interface {
	for _, one := range f.Interfaces {
		if one.Address != "" && !isSix(one.Address) && one.Address != f.IP {
			return one
		}
	}
	return Interface{}
}

func isOfMachine(mode string) bool { return mode == "bare" || mode == "host" }

// AdviceOnPinning is how to get an address that lasts, off the engine's default network.
func AdviceOnPinning(f *Facts) []string {
	if Beside(f) != (Interface{}) && HasCommands(f) {
		return []string{"leave-default"}
	}
	var advice []string
	if f.PinnedIP != "" && f.Engine == "docker" {
		advice = append(advice, "pin-ignored")
	}
	if HasCommands(f) {
		advice = append(advice, "pin-here")
	}
	return append(advice, "pin-new")
}

// AdviceOnPinningThere is how to get an address that lasts, on a network that somebody made.
func AdviceOnPinningThere(f *Facts) []string {
	if HasCommands(f) && strings.Contains(f.IP, ".") {
		return []string{"pin-there"}
	}
	return nil
}

// AdviceOnAddress is how to get the licensed address back: before, where that is known.
func AdviceOnAddress(f *Facts, mode, before string) []string {
	switch {
	case isOfMachine(mode):
		return []string{onMachine(f, before)}
	case mode == "pod":
		return []string{"pod-address"}
	case !HasCommands(f):
		return []string{"address-back-in-engine"}
	case mode == "none" && f.NetworkContainer != "":
		return []string{"restart-guest"}
	case mode == "none":
		return []string{"network-gone"}
	case before != "" && canBeGiven(f, mode, before):
		return []string{"take-back"}
	case mode == "default-bridge" && f.Engine == "docker":
		return append([]string{"lost-on-default"}, AdviceOnPinning(f)...)
	case mode == "default-bridge":
		return AdviceOnPinning(f)
	}
	return AdviceOnPinningThere(f)
}

func onMachine(f *Facts, before string) string {
	switch {
	case f.IP == "":
		return "network-down"
	case before != "":
		return "address-back"
	}
	return "former-address-back"
}

// canBeGiven tells whether the engine can give a container this address in its present network.
func canBeGiven(f *Facts, mode, ip string) bool {
	if isSix(ip) {
		return false
	}
	if mode == "default-bridge" {
		return f.Engine == "podman" && strings.HasPrefix(ip, podmansPool)
	}
	// One that is far from the present address was of another network, which was left since.
	return mode == "user-defined" && firstTwo(ip) == firstTwo(f.IP)
}

// AdviceOnUnused is how to let an address that the host has be the one of its default route again.
// isRouted: it has such a route now.
func AdviceOnUnused(f *Facts, mode string, isRouted bool) []string {
	if !isOfMachine(mode) && HasCommands(f) {
		return []string{"second-network"}
	}
	if isRouted {
		return []string{"default-route"}
	}
	return nil
}

// AdviceOnHostname is how to get the licensed hostname back: before, where that is known.
func AdviceOnHostname(f *Facts, mode, before, profile string) []string {
	switch {
	case isOfMachine(mode) && before != "":
		return []string{"set-hostname"}
	case isOfMachine(mode):
		return []string{"set-former-hostname"}
	case profile == "hk1" && HasCommands(f):
		return []string{"restart-for-hostname"} // for a new container has another id, too
	case before != "":
		return []string{"run-with-hostname"}
	}
	return nil
}

// AdviceOnContainer is how to go back to the licensed container: before, where its id is known.
func AdviceOnContainer(f *Facts, before string) []string {
	if before != "" && HasCommands(f) {
		return []string{"start-licensed"}
	}
	return nil
}

// FewerGPUs is how to have no more GPUs visible than a licence covers.
func FewerGPUs(f *Facts) []string {
	if f.Engine == "docker" {
		return nil
	}
	return []string{"fewer-gpus"}
}

// AdviceOnPinned is how to give the host the address that it is declared to have.
func AdviceOnPinned(f *Facts, mode string) []string {
	switch {
	case isOfMachine(mode):
		return []string{"pinned-back"}
	case mode == "pod" || mode == "unknown" || !HasCommands(f):
		return []string{"address-back-in-engine"}
	case mode == "none":
		return AdviceOnAddress(f, mode, f.PinnedIP)
	case canBeGiven(f, mode, f.PinnedIP):
		return []string{"take-back", "pinned-correct"}
	case mode == "default-bridge":
		return append(AdviceOnPinning(f), "pinned-correct")
	}
	return nil
}
