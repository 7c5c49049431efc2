package host

import (
	"syscall"
	"time"
	"unsafe"
)

// The groups of rtnetlink(7) that tell of links, addresses and routes.
const networkGroups = 0x1 | 0x10 | 0x40 | 0x100 | 0x400

// WatchNetwork is a descriptor that can be read when the network has changed.
func WatchNetwork() (int, error) {
	kind := syscall.SOCK_RAW | syscall.SOCK_CLOEXEC | syscall.SOCK_NONBLOCK
	fd, err := syscall.Socket(syscall.AF_NETLINK, kind, syscall.NETLINK_ROUTE)
	if err != nil {
		return -1, err
	}
	address := &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK, Groups: networkGroups}
	if err := syscall.Bind(fd, address); err != nil {
		syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}

// WaitForNetwork waits until the network has changed, for a time at most, and takes in what is told
// of it. A descriptor below 0 tells of nothing.
func WaitForNetwork(fd int, most time.Duration) {
	const readable = 1
	poll := struct {
		fd              int32
		events, revents int16
	}{int32(fd), readable, 0}
	wait := syscall.NsecToTimespec(most.Nanoseconds())
	syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&poll)), 1, uintptr(unsafe.Pointer(&wait)), 0, 0, 0)
	if poll.revents == 0 {
		return
	}
	room := make([]byte, 1<<16)
	for {
		if _, _, err := syscall.Recvfrom(fd, room, 0); err != nil && err != syscall.EINTR && err != syscall.ENOBUFS {
			return
		}
	}
}
