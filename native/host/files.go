package host

import (
	"errors"
	"os"
	"strings"
	"syscall"

	"hostseal/problem"
)

// mostRead is how many bytes of a file of the host are read; one that has more would be a trick.
const mostRead = 1 << 20

var errNotRegular = errors.New("it is not a regular file")

// read has the first bytes of a file; nil: there is none. A device counts as empty, since engines
// mask files with /dev/null; a pipe or a folder is an error.
func read(path string) ([]byte, error) {
	descriptor, err := opened(path)
	if err == syscall.ENOENT || err == syscall.ENOTDIR {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer syscall.Close(descriptor)
	var of syscall.Stat_t
	if err := syscall.Fstat(descriptor, &of); err != nil {
		return nil, err
	}
	switch of.Mode & syscall.S_IFMT {
	case syscall.S_IFCHR:
		return []byte{}, nil
	case syscall.S_IFREG:
		return readOpened(descriptor)
	}
	return nil, errNotRegular
}

func opened(path string) (int, error) {
	const how = syscall.O_RDONLY | syscall.O_NONBLOCK | syscall.O_NOCTTY | syscall.O_CLOEXEC
	for {
		descriptor, err := syscall.Open(path, how, 0)
		if err != syscall.EINTR {
			return descriptor, err
		}
	}
}

func readOpened(descriptor int) ([]byte, error) {
	data := make([]byte, 0, 4096)
	for len(data) < mostRead {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		room := data[len(data):cap(data)]
		if most := mostRead - len(data); len(room) > most {
			room = room[:most]
		}
		count, err := syscall.Read(descriptor, room)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if count <= 0 {
			break
		}
		data = data[:len(data)+count]
	}
	return data, nil
}

// text is that of a file whose absence, or whose oddness, says nothing.
func text(path string) string {
	data, _ := read(path)
	return decoded(data)
}

// exists tells whether something is at path; a link that leads nowhere is nothing.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Words are what the system says of an error, without numbers and paths.
func Words(err error) string {
	var number syscall.Errno
	if !errors.As(err, &number) {
		return err.Error()
	}
	said := number.Error()
	return strings.ToUpper(said[:1]) + said[1:]
}

// A probe reads the files of a host. What is wrong with the first that cannot be read is its err.
type probe struct {
	root string
	err  *problem.Problem
}

func (p *probe) path(name string) string {
	return strings.TrimRight(p.root, "/") + "/" + strings.TrimLeft(name, "/")
}

// bytes are those of a file, and whether there is one.
func (p *probe) bytes(name string) []byte {
	path := p.path(name)
	data, err := read(path)
	if err != nil && p.err == nil {
		p.err = problem.New("file-unreadable", "path", path, "reason", Words(err))
	}
	return data
}

// text is that of a file; empty where there is none.
func (p *probe) text(name string) string { return decoded(p.bytes(name)) }
