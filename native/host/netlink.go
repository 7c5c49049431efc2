package host

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"syscall"
)

// The kernel is asked for its links and addresses by rtnetlink(7): one dump of each, so that an
// interface that comes or goes meanwhile is in it or is not. Its numbers are in the order of the
// processor's bytes, which is little-endian on all that this client is built for.

const (
	getLink, getAddress   = 18, 22
	dumpFlags             = 0x1 | 0x300
	toldDone, toldError   = 3, 2
	interrupted           = 0x10
	mostDumps             = 5
	mostAtOnce            = 1 << 17
	patience              = 5 // seconds
	headerSize            = 16
	linkSize, addressSize = 16, 8
	attributeSize         = 4

	attributeName, attributeMaster, attributeInfo, infoKind = 3, 10, 18, 1

	attributeAddress, attributeLocal, attributeTimes, attributeFlags = 1, 2, 6, 8

	forever = 0xffffffff
	// temporary is the flag of an IPv6 address that is drawn anew every day.
	temporary = 0x01
)

var errUnanswered = errors.New("the kernel tells nothing that makes sense")

// A link is an interface.
type link struct {
	index uint32
	name  string
	// kind is bridge, tun, veth, …; empty for what has none, such as a network card.
	kind string
	// hardware is ARPHRD_… of if_arp.h.
	hardware int
	// master is the index of the bridge or bond that it is a port of.
	master uint32
}

// A told address is one that the kernel says an interface has.
type told struct {
	link        uint32
	address     netip.Addr
	isTemporary bool
	isLent      bool
	// madeAt is when it was given to the interface, in hundredths of a second of CLOCK_MONOTONIC;
	// nil: not known.
	madeAt *uint32
}

func askLinks() ([]link, error) {
	bodies, err := dump(getLink, make([]byte, linkSize))
	if err != nil {
		return nil, err
	}
	var found []link
	for _, body := range bodies {
		if len(body) < linkSize {
			continue
		}
		one := link{
			hardware: int(binary.LittleEndian.Uint16(body[2:])),
			index:    binary.LittleEndian.Uint32(body[4:]),
		}
		for kind, value := range attributes(body[linkSize:]) {
			switch kind {
			case attributeName:
				one.name = nameIn(value)
			case attributeMaster:
				one.master, _ = numberIn(value)
			case attributeInfo:
				one.kind = nameIn(attributes(value)[infoKind])
			}
		}
		found = append(found, one)
	}
	return found, nil
}

func askAddresses() ([]told, error) {
	bodies, err := dump(getAddress, make([]byte, addressSize))
	if err != nil {
		return nil, err
	}
	var found []told
	for _, body := range bodies {
		if len(body) < addressSize {
			continue
		}
		of := attributes(body[addressSize:])
		packed := of[attributeLocal]
		if len(packed) == 0 {
			packed = of[attributeAddress]
		}
		family, flags := body[0], uint32(body[2])
		address, ok := netip.AddrFromSlice(packed)
		if !ok || address.Is4() != (family == syscall.AF_INET) ||
			address.Is6() != (family == syscall.AF_INET6) {
			continue
		}
		if more, ok := numberIn(of[attributeFlags]); ok {
			flags = more
		}
		one := told{
			link:        binary.LittleEndian.Uint32(body[4:]),
			address:     address,
			isTemporary: family == syscall.AF_INET6 && flags&temporary != 0,
		}
		if times := of[attributeTimes]; len(times) == 16 {
			madeAt := binary.LittleEndian.Uint32(times[8:])
			one.isLent, one.madeAt = binary.LittleEndian.Uint32(times[4:]) != forever, &madeAt
		}
		found = append(found, one)
	}
	return found, nil
}

// dump has the messages of a dump without their headers. It is asked for again where something
// changed meanwhile; where it never rests, this is what there was at last.
func dump(kind uint16, body []byte) (found [][]byte, err error) {
	for tries := 0; tries < mostDumps; tries++ {
		var isWhole bool
		if found, isWhole, err = ask(kind, body); err != nil || isWhole {
			break
		}
	}
	return found, err
}

func ask(kind uint16, body []byte) (found [][]byte, isWhole bool, err error) {
	const how = syscall.SOCK_DGRAM | syscall.SOCK_CLOEXEC
	socket, err := syscall.Socket(syscall.AF_NETLINK, how, syscall.NETLINK_ROUTE)
	if err != nil {
		return nil, false, err
	}
	defer syscall.Close(socket)
	limit := syscall.Timeval{Sec: patience}
	if err := syscall.SetsockoptTimeval(socket, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &limit); err != nil {
		return nil, false, err
	}
	kernel := &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}
	if err := syscall.Bind(socket, kernel); err != nil {
		return nil, false, err
	}
	question := make([]byte, headerSize, headerSize+len(body))
	binary.LittleEndian.PutUint32(question, uint32(headerSize+len(body)))
	binary.LittleEndian.PutUint16(question[4:], kind)
	binary.LittleEndian.PutUint16(question[6:], dumpFlags)
	binary.LittleEndian.PutUint32(question[8:], 1)
	if err := syscall.Sendto(socket, append(question, body...), 0, kernel); err != nil {
		return nil, false, err
	}
	isWhole = true
	buffer := make([]byte, mostAtOnce)
	for {
		size, _, err := syscall.Recvfrom(socket, buffer, 0)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return nil, false, err
		}
		isDone := false
		err = messages(buffer[:size], func(kind, flags uint16, message []byte) error {
			isWhole = isWhole && flags&interrupted == 0
			switch kind {
			case toldDone:
				isDone = true
			case toldError:
				return errUnanswered
			default:
				found = append(found, append([]byte(nil), message...))
			}
			return nil
		})
		if err != nil || isDone {
			return found, isWhole, err
		}
	}
}

func messages(data []byte, each func(kind, flags uint16, message []byte) error) error {
	for len(data) >= headerSize {
		length := int(binary.LittleEndian.Uint32(data))
		if length < headerSize || length > len(data) {
			return errUnanswered
		}
		kind, flags := binary.LittleEndian.Uint16(data[4:]), binary.LittleEndian.Uint16(data[6:])
		if err := each(kind, flags, data[headerSize:length]); err != nil {
			return err
		}
		data = data[aligned(length, len(data)):]
	}
	return nil
}

// attributes are those of a message, by their kind; of several of one kind the last.
func attributes(data []byte) map[uint16][]byte {
	found := map[uint16][]byte{}
	for len(data) >= attributeSize {
		length := int(binary.LittleEndian.Uint16(data))
		if length < attributeSize || length > len(data) {
			break
		}
		found[binary.LittleEndian.Uint16(data[2:])&0x3fff] = data[attributeSize:length]
		data = data[aligned(length, len(data)):]
	}
	return found
}

// aligned is where the next begins behind one of this length, of most bytes.
func aligned(length, most int) int {
	if next := (length + 3) &^ 3; next < most {
		return next
	}
	return most
}

func nameIn(value []byte) string {
	for len(value) > 0 && value[len(value)-1] == 0 {
		value = value[:len(value)-1]
	}
	return escaped(value)
}

func numberIn(value []byte) (uint32, bool) {
	if len(value) != 4 {
		return 0, false
	}
	return binary.LittleEndian.Uint32(value), true
}
