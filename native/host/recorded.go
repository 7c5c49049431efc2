package host

import (
	"path/filepath"
	"sort"
	"strings"
)

// recorded is the network that proc/net under root shows.
func recorded(root string) network {
	of := recordedNetwork(root)
	return of.network()
}

func netFile(root, name string) string {
	data, _ := read(filepath.Join(root, "proc/net", name))
	return plain(data)
}

// recordedNetwork is what the files of a kernel show. The source of a route is the lowest address of
// its interface; whether an address is lent is not in these files.
func recordedNetwork(root string) seen {
	of := seen{ranks: map[string]int{}, ways: readWays(root)}
	subnets := subnetsOf(of.ways(false))
	for _, text := range localAddresses(root) {
		of.held = append(of.held, held{device: subnets.holding(text), text: text})
	}
	of.held = inOrder(append(of.held, sixes(root)...))
	for _, one := range of.held {
		if _, isKnown := of.ranks[one.device]; !isKnown && one.device != "" {
			of.ranks[one.device] = recordedRank(root, one.device)
		}
	}
	for _, name := range deviceNames(root) {
		if _, hasAddress := of.ranks[name]; !hasAddress {
			of.bare = append(of.bare, name)
		}
	}
	of.source = recordedSource(&of)
	return of
}

// recordedSource answers from a record: the lowest address of the interface of the default route.
func recordedSource(of *seen) func(six bool, device string, public bool) string {
	type place struct {
		six    bool
		device string
	}
	known, ways := map[place][]held{}, of.ways
	for _, one := range of.held {
		at := place{isSix(one.text), one.device}
		known[at] = append(known[at], one)
	}
	return func(six bool, device string, public bool) string {
		devices := []string{device}
		if device == "" {
			devices = nil
			for _, one := range ways(six) {
				if one.length == 0 {
					devices = append(devices, one.device)
				}
			}
		}
		for _, name := range unique(devices) {
			// An address without a subnet of its own may be of any interface.
			for _, at := range []place{{six, name}, {six, ""}} {
				var texts []string
				for _, one := range known[at] {
					if !(public && one.isTemporary) {
						texts = append(texts, one.text)
					}
				}
				if found := lowest(texts); found != "" {
					return found
				}
			}
		}
		return ""
	}
}

// localAddresses are those that /proc/net/fib_trie marks as "/32 host LOCAL", each once.
func localAddresses(root string) []string {
	var found []string
	address := ""
	for _, line := range lines(netFile(root, "fib_trie")) {
		head, rest, _ := strings.Cut(trimmed(line), " ")
		switch {
		case head == "|--":
			address = trimmed(rest)
		case head == "/32" && rest == "host LOCAL" && isOfHost(address):
			found = append(found, address)
		}
	}
	return unique(found)
}

// isOfHost tells whether text is an IPv4 address that may speak for a host.
func isOfHost(text string) bool {
	return text != "" && !isSix(text) && usable(text) == text
}

// sixes are the IPv6 addresses of /proc/net/if_inet6.
func sixes(root string) []held {
	const globalScope = "00"
	var found []held
	for _, line := range lines(netFile(root, "if_inet6")) {
		fields := words(line)
		if len(fields) != 6 || fields[3] != globalScope {
			continue
		}
		address, ok := packed6(fields[0])
		flags, isNumber := number(fields[4], 16)
		if !ok || !isNumber || ofHost(address) == "" {
			continue
		}
		found = append(found, held{
			device: fields[5], text: ofHost(address), isTemporary: flags&temporary != 0,
		})
	}
	return found
}

// deviceNames are the interfaces of /proc/net/dev, which begins with two lines of headings.
func deviceNames(root string) []string {
	var names []string
	for at, line := range lines(netFile(root, "dev")) {
		name, _, _ := strings.Cut(line, ":")
		if name = trimmed(name); at >= 2 && isNameOfInterface(name) {
			names = append(names, name)
		}
	}
	return unique(names)
}

// subnets are those that are connected: the interface of each, by the length and the number of its
// prefix.
type subnets [33]map[uint32]string

func subnetsOf(ways []hop) *subnets {
	var of subnets
	for _, one := range ways {
		if one.length == 0 || one.gateway != "" {
			continue
		}
		if of[one.length] == nil {
			of[one.length] = map[uint32]string{}
		}
		prefix := one.network >> (32 - one.length)
		if _, isKnown := of[one.length][prefix]; !isKnown {
			of[one.length][prefix] = one.device
		}
	}
	return &of
}

// holding is the interface of the longest subnet that holds an address; empty where none does.
func (s *subnets) holding(text string) string {
	address, _ := parsed(text)
	b := address.As4()
	number := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	for length := 32; length > 0; length-- {
		if device, holds := s[length][number>>(32-length)]; holds {
			return device
		}
	}
	return ""
}

// inOrder has each of the addresses once, in the order of interfaces and texts.
func inOrder(all []held) []held {
	sort.Slice(all, func(i, j int) bool {
		one, other := all[i], all[j]
		if one.device != other.device {
			return one.device < other.device
		}
		if one.text != other.text {
			return one.text < other.text
		}
		return !one.isTemporary && other.isTemporary
	})
	var found []held
	for at, one := range all {
		if at == 0 || one != all[at-1] {
			found = append(found, one)
		}
	}
	return found
}

// unique has each of these once, in their order.
func unique(names []string) []string {
	is := map[string]bool{}
	var found []string
	for _, name := range names {
		if !is[name] {
			is[name] = true
			found = append(found, name)
		}
	}
	return found
}
