package host

import "sort"

// A network is what a host's network says of it.
type network struct {
	// ip is the address that speaks for the host.
	ip         string
	gateway    string
	interfaces []Interface
	// formerIP is the address that the rule of version 1 takes, where it is another one.
	formerIP string
	isLent   bool
	// madeAt is when ip was given to its interface; nil: not known.
	madeAt *uint32
}

// A held address is one that a host has.
type held struct {
	device, text        string
	isTemporary, isLent bool
	madeAt              *uint32
}

// What is seen of a network, from which its address is chosen.
type seen struct {
	// ranks are of every interface with an address, by its name.
	ranks map[string]int
	held  []held
	// source is the address of a packet to somewhere; a device may be named, and public says that a
	// temporary address will not do.
	source func(six bool, device string, public bool) string
	// ways are the routes of a family.
	ways func(six bool) []hop
	// bare are the interfaces without an address.
	bare []string
}

// live is the network of the host that this process runs on.
func live() network {
	links, err := askLinks()
	var addresses []told
	if err == nil {
		addresses, err = askAddresses()
	}
	if err != nil { // a sandbox may forbid to ask; the kernel's own record says the same
		recorded := recordedNetwork("/")
		recorded.source = asked
		return recorded.network()
	}
	of := seen{ranks: map[string]int{}, source: asked, ways: readWays("/")}
	names := map[uint32]string{}
	for _, one := range links {
		names[one.index] = one.name
		of.ranks[one.name] = rank(one.name, one.kind, one.hardware, portsOf(one, links))
	}
	hasAddress := map[string]bool{}
	for _, one := range addresses {
		name, isKnown := names[one.link]
		text := ofHost(one.address)
		if isKnown && text != "" {
			of.held = append(of.held, held{name, text, one.isTemporary, one.isLent, one.madeAt})
			hasAddress[name] = true
		}
	}
	sort.SliceStable(of.held, func(i, j int) bool {
		one, other := of.held[i], of.held[j]
		if one.device != other.device {
			return one.device < other.device
		}
		return !isSix(one.text) && isSix(other.text)
	})
	for name := range of.ranks {
		if !hasAddress[name] {
			of.bare = append(of.bare, name)
		}
	}
	return of.network()
}

// portsOf are the kinds of the ports of a bridge; nil for what is none.
func portsOf(bridge link, links []link) []string {
	if bridge.kind != "bridge" {
		return nil
	}
	ports := []string{}
	for _, one := range links {
		if one.master == bridge.index {
			ports = append(ports, one.kind)
		}
	}
	return ports
}

func (s *seen) network() network {
	of := network{ip: s.lasting(), formerIP: s.former()}
	of.gateway = s.gateway(of.ip)
	if of.formerIP == of.ip {
		of.formerIP = ""
	}
	isFirst := true
	for _, one := range s.held {
		of.interfaces = append(of.interfaces, Interface{one.device, one.text})
		if one.text == of.ip {
			of.isLent = of.isLent || one.isLent
			if isFirst {
				of.madeAt, isFirst = one.madeAt, false
			}
		}
	}
	for _, name := range s.bare {
		if name != "lo" {
			of.interfaces = append(of.interfaces, Interface{name, ""})
		}
	}
	sort.SliceStable(of.interfaces, func(i, j int) bool {
		return of.interfaces[i].Name < of.interfaces[j].Name
	})
	return of
}

func (s *seen) rankOf(device string) int {
	if rank, isKnown := s.ranks[device]; isKnown {
		return rank
	}
	return ownInterface
}

// lasting is the address that speaks for the host (SPEC section 3.1).
func (s *seen) lasting() string {
	ranks, pairs := map[string]int{}, map[Interface]bool{}
	for _, one := range s.held {
		ranks[one.text] = s.rankOf(one.device)
		pairs[Interface{one.device, one.text}] = true
	}
	best := ownInterface
	if len(ranks) > 0 {
		best = tunnelInterface
	}
	for _, rank := range ranks {
		if rank < best {
			best = rank
		}
	}
	for _, six := range []bool{false, true} {
		said := s.source(six, "", true)
		if said == "" {
			continue
		}
		if rank, isHeld := ranks[said]; !isHeld || rank == best {
			return said
		}
		for _, device := range waysOut(s.ways(six)) {
			if rank, isKnown := s.ranks[device]; isKnown && rank == best {
				if said := s.source(six, device, true); pairs[Interface{device, said}] {
					return said
				}
			}
		}
	}
	var first, lasting []string
	for _, one := range s.held {
		if ranks[one.text] == best {
			first = append(first, one.text)
			if !one.isTemporary {
				lasting = append(lasting, one.text)
			}
		}
	}
	if ip := lowest(lasting); ip != "" {
		return ip
	}
	return lowest(first)
}

// waysOut are the interfaces of the routes that have a gateway: the widest first, then by their
// metric.
func waysOut(ways []hop) []string {
	ways = append([]hop(nil), ways...)
	sort.SliceStable(ways, func(i, j int) bool {
		if ways[i].length != ways[j].length {
			return ways[i].length < ways[j].length
		}
		return ways[i].metric < ways[j].metric
	})
	var out []string
	for _, one := range ways {
		if one.gateway != "" || one.length == 0 {
			out = append(out, one.device)
		}
	}
	return unique(out)
}

// former is the address that the rule of version 1 takes, whatever its interface is.
func (s *seen) former() string {
	for _, six := range []bool{false, true} {
		if said := s.source(six, "", false); said != "" {
			return said
		}
	}
	var all []string
	for _, one := range s.held {
		all = append(all, one.text)
	}
	return lowest(all)
}

// gateway is that of the default route of ip, else of the first one.
func (s *seen) gateway(ip string) string {
	devices := map[string]bool{}
	for _, one := range s.held {
		devices[one.device] = devices[one.device] || one.text == ip
	}
	var first, own *hop
	ways := s.ways(false)
	for i := range ways {
		if ways[i].length > 0 {
			continue
		}
		if first == nil {
			first = &ways[i]
		}
		if own == nil && devices[ways[i].device] {
			own = &ways[i]
		}
	}
	switch {
	case own != nil && own.gateway != "":
		return own.gateway
	case first != nil:
		return first.gateway
	}
	return ""
}

// readWays reads the routes under root, each family once.
func readWays(root string) func(six bool) []hop {
	read := map[bool][]hop{}
	return func(six bool) []hop {
		ways, isRead := read[six]
		if !isRead {
			ways = routes(root, six)
			read[six] = ways
		}
		return ways
	}
}
