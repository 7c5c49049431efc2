package host

import (
	"net/netip"
	"strings"
)

// parsed is the address that text is; as inet_pton reads it.
func parsed(text string) (netip.Addr, bool) {
	if strings.IndexByte(text, '%') >= 0 {
		return netip.Addr{}, false
	}
	address, err := netip.ParseAddr(text)
	return address, err == nil
}

// written is an address as inet_ntop writes it: as RFC 5952 has it, and what is IPv4-compatible
// with dots.
func written(address netip.Addr) string {
	if address.Is6() {
		b := address.As16()
		isCompatible := b[12] != 0 || b[13] != 0
		for _, one := range b[:12] {
			isCompatible = isCompatible && one == 0
		}
		if isCompatible {
			return "::" + netip.AddrFrom4([4]byte{b[12], b[13], b[14], b[15]}).String()
		}
	}
	return address.String()
}

// usable is an address that may speak for a host, as it is written; empty for loopback, link-local,
// unspecified and what is no address.
func usable(text string) string {
	text, _, _ = strings.Cut(text, "%")
	address, ok := parsed(text)
	if !ok {
		return ""
	}
	return ofHost(address)
}

func ofHost(address netip.Addr) string {
	if address.Is4() {
		b := address.As4()
		if b[0] == 0 || b[0] == 127 || (b[0] == 169 && b[1] == 254) {
			return ""
		}
		return written(address)
	}
	b := address.As16()
	isLow := true // in ::/120
	for _, one := range b[:15] {
		isLow = isLow && one == 0
	}
	if isLow || (b[0] == 0xfe && b[1]&0xc0 == 0x80) {
		return ""
	}
	return written(address)
}

func isSix(address string) bool { return strings.IndexByte(address, ':') >= 0 }

// lowest is the first of these addresses, IPv4 before IPv6, in the order of their bytes; empty
// where there is none.
func lowest(addresses []string) string {
	var least netip.Addr
	for _, text := range addresses {
		address, ok := parsed(text)
		if ok && (!least.IsValid() || address.Less(least)) {
			least = address
		}
	}
	if !least.IsValid() {
		return ""
	}
	return written(least)
}
