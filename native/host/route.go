package host

import (
	"encoding/hex"
	"math/bits"
	"net/netip"
	"path/filepath"
	"sort"
	"strconv"
)

// A hop is a line of the table of routes.
type hop struct {
	device string
	// network is that of IPv4, as a number.
	network uint32
	// length is that of the network's prefix, in bits: 0 for a default route.
	length int
	// gateway is empty where the other side of the device is reached without one.
	gateway string
	metric  uint32
}

// routes are those of a family that are in use, of /proc/net/route and ipv6_route (proc(5)): the
// lower metric first. A line that makes no sense is left out.
func routes(root string, six bool) []hop {
	name, parse := "route", hopOf4
	if six {
		name, parse = "ipv6_route", hopOf6
	}
	data, _ := read(filepath.Join(root, "proc/net", name))
	var found []hop
	for _, line := range lines(plain(data)) {
		if one, ok := parse(words(line)); ok {
			found = append(found, one)
		}
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].metric < found[j].metric })
	return found
}

func hopOf4(fields []string) (hop, bool) {
	if len(fields) < 8 {
		return hop{}, false
	}
	network, ok1 := swapped(fields[1])
	gateway, ok2 := swapped(fields[2])
	flags, ok3 := number(fields[3], 16)
	metric, ok4 := number(fields[6], 10)
	mask, ok5 := swapped(fields[7])
	if !(ok1 && ok2 && ok3 && ok4 && ok5) || !isUsed(flags) {
		return hop{}, false
	}
	one := hop{fields[0], network, bits.OnesCount32(mask), "", metric}
	if gateway != 0 {
		one.gateway = written(netip.AddrFrom4([4]byte{
			byte(gateway >> 24), byte(gateway >> 16), byte(gateway >> 8), byte(gateway),
		}))
	}
	return one, true
}

func hopOf6(fields []string) (hop, bool) {
	if len(fields) < 10 || fields[9] == "lo" {
		return hop{}, false
	}
	_, ok1 := packed6(fields[0])
	length, ok2 := number(fields[1], 16)
	gateway, ok3 := packed6(fields[4])
	metric, ok4 := number(fields[5], 16)
	flags, ok5 := number(fields[8], 16)
	if !(ok1 && ok2 && ok3 && ok4 && ok5) || !isUsed(flags) {
		return hop{}, false
	}
	one := hop{device: fields[9], length: int(length), metric: metric}
	if gateway != netip.IPv6Unspecified() {
		one.gateway = written(gateway)
	}
	return one, true
}

func isUsed(flags uint32) bool {
	const up, reject = 0x1, 0x200
	return flags&(up|reject) == up
}

// number is that which the kernel writes with so many digits at most as 32 bits may have.
func number(text string, base int) (uint32, bool) {
	value, err := strconv.ParseUint(text, base, 32)
	return uint32(value), err == nil
}

// swapped is an IPv4 address as /proc/net/route has it, with its last byte first.
func swapped(text string) (uint32, bool) {
	value, ok := number(text, 16)
	return bits.ReverseBytes32(value), ok
}

// packed6 is an IPv6 address as the kernel's files have it, in 32 hexadecimal digits.
func packed6(text string) (netip.Addr, bool) {
	data, err := hex.DecodeString(text)
	if err != nil {
		return netip.Addr{}, false
	}
	address, ok := netip.AddrFromSlice(data)
	return address, ok && address.Is6()
}

// IsRouted tells whether the address that speaks for the host is of a default route.
func IsRouted(f *Facts) bool {
	for _, hop := range routes(f.Root, isSix(f.IP)) {
		for _, one := range f.Interfaces {
			if hop.length == 0 && hop.device == one.Name && one.Address == f.IP {
				return true
			}
		}
	}
	return false
}
