package host

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// Docker makes the network of a container with the container itself. One that is older is another
// container's (--network container:X), or the machine's (SPEC section 3.1).

const (
	// firstNumber is that of what proc(5) numbers as it is made; a sandbox that has no such kernel
	// has others.
	firstNumber = 0xf0000000
	// surely is by how many hundredths of a second at least an address must be older: both figures
	// are rounded, and not of one clock.
	surely = 10
	// drift is one in so many: how far the kernel's two clocks may have drifted apart.
	drift = 20000
	// ticks are those of a second in /proc/1/stat, on all processors that this client is built for.
	ticks = 100

	clockMonotonic, clockBoottime = 1, 7
)

// inOlderNetwork tells whether the network of the host under root is older than its first process.
// madeAt is when its address was given to it; slept, for how many seconds the machine has slept.
func inOlderNetwork(root string, madeAt *uint32, slept float64) bool {
	if madeAt != nil {
		if startedAt, ok := firstProcess(root, slept); ok {
			// After 497 days the kernel's count begins anew.
			before := int64(int32(uint32(startedAt) - *madeAt))
			if abs(before) >= surely+int64(*madeAt)/drift {
				return before > 0
			}
		}
	}
	// A number that is free again is given anew, so that these can mislead: only where the times do
	// not tell.
	return namespaceNumber(root, "net") < namespaceNumber(root, "mnt")
}

func abs(number int64) int64 {
	if number < 0 {
		return -number
	}
	return number
}

// namespaceNumber is that of a namespace of this process; 0 where it cannot be read.
func namespaceNumber(root, name string) uint64 {
	link, err := os.Readlink(filepath.Join(root, "proc/self/ns", name))
	if err != nil || len(link) < len(name)+3 {
		return 0
	}
	digits := link[len(name)+2 : len(link)-1]
	number, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || number < firstNumber {
		return 0
	}
	return number
}

// firstProcess is when the first process was started: in hundredths of a second that the machine was
// awake. At least: what the machine has slept since is taken off, too.
func firstProcess(root string, slept float64) (int64, bool) {
	const started = 22 - 3 // its place behind the name of the process, which may hold anything
	data, err := read(filepath.Join(root, "proc/1/stat"))
	if err != nil {
		return 0, false
	}
	text := string(data)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) <= started {
		return 0, false
	}
	count, err := strconv.ParseUint(fields[started], 10, 53)
	if err != nil {
		return 0, false
	}
	return int64(math.RoundToEven((float64(count)/ticks - slept) * 100)), true
}

// slept is for how many seconds this machine has slept since it was started.
func slept() float64 {
	boot, ok1 := clock(clockBoottime)
	awake, ok2 := clock(clockMonotonic)
	if !ok1 || !ok2 {
		return 0
	}
	return boot - awake
}

func clock(which uintptr) (seconds float64, ok bool) {
	var at syscall.Timespec
	_, _, failed := syscall.RawSyscall(
		syscall.SYS_CLOCK_GETTIME, which, uintptr(unsafe.Pointer(&at)), 0)
	return float64(at.Sec) + float64(at.Nsec)/1e9, failed == 0
}
