package host

import "syscall"

// kernelsName is the name of the machine or the container that the kernel has (uname(2)).
func kernelsName() []byte {
	var of syscall.Utsname
	if syscall.Uname(&of) != nil {
		return nil
	}
	var name []byte
	for _, c := range of.Nodename {
		if c == 0 {
			break
		}
		name = append(name, byte(c))
	}
	return name
}
