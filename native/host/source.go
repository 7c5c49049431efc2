package host

import (
	"math/bits"
	"net/netip"
	"syscall"
	"unsafe"
)

// somewhere are addresses of documentation: connecting a UDP socket sends nothing.
var somewhere = map[bool]syscall.Sockaddr{
	false: &syscall.SockaddrInet4{Port: 9, Addr: [4]byte{192, 0, 2, 1}},
	true:  &syscall.SockaddrInet6{Port: 9, Addr: [16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 15: 1}},
}

const (
	ipUnicastIf, ipv6UnicastIf = 50, 76
	addressPreferences         = 72
	preferPublic               = 0x2 // RFC 5014
)

// asked is the address that a packet to somewhere would come from, as the kernel says, which honours
// metrics and hints of routes. It is empty where there is no route. A device may be named; public: a
// temporary address will not do.
func asked(six bool, device string, public bool) string {
	family := syscall.AF_INET
	if six {
		family = syscall.AF_INET6
	}
	socket, err := syscall.Socket(family, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "" // no such family
	}
	defer syscall.Close(socket)
	if public && six {
		err = syscall.SetsockoptInt(socket, syscall.IPPROTO_IPV6, addressPreferences, preferPublic)
		if err != nil {
			return ""
		}
	}
	if device != "" && !leavesBy(socket, six, device) {
		return ""
	}
	if err := syscall.Connect(socket, somewhere[six]); err != nil {
		return ""
	}
	own, err := syscall.Getsockname(socket)
	if err != nil {
		return ""
	}
	switch address := own.(type) {
	case *syscall.SockaddrInet4:
		return ofHost(netip.AddrFrom4(address.Addr))
	case *syscall.SockaddrInet6:
		return ofHost(netip.AddrFrom16(address.Addr))
	}
	return ""
}

// leavesBy lets what a socket sends leave by an interface.
func leavesBy(socket int, six bool, device string) bool {
	index, ok := indexOf(socket, device)
	if !ok {
		return false
	}
	// The kernel takes it with its highest byte first.
	swapped := int(int32(bits.ReverseBytes32(index)))
	level, option := syscall.IPPROTO_IP, ipUnicastIf
	if six {
		level, option = syscall.IPPROTO_IPV6, ipv6UnicastIf
	}
	return syscall.SetsockoptInt(socket, level, option, swapped) == nil
}

// indexOf is the number of an interface (SIOCGIFINDEX, netdevice(7)).
func indexOf(socket int, device string) (uint32, bool) {
	var request struct {
		name  [syscall.IFNAMSIZ]byte
		index uint32
		_     [20]byte
	}
	if len(device) >= len(request.name) {
		return 0, false
	}
	copy(request.name[:], device)
	_, _, failed := syscall.Syscall(
		syscall.SYS_IOCTL, uintptr(socket), syscall.SIOCGIFINDEX, uintptr(unsafe.Pointer(&request)))
	return request.index, failed == 0
}
