package guard

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	betweenLooks = 50 * time.Millisecond
	// toDie is how long one that was killed is waited for; what sits in a system call dies only after
	// that.
	toDie = 5 * time.Second
)

type numbers map[int]bool

// descendants are the numbers of all that descend from root and run; not besides, and what descends
// from it. One that has ended does not, even where a container's first process never asks for its
// end.
func descendants(root int, besides numbers) numbers {
	children := map[int][]int{}
	ended := numbers{}
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		number, _ := strconv.Atoi(string(bytes.Fields(text)[0]))
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		parent, _ := strconv.Atoi(string(fields[1]))
		children[parent] = append(children[parent], number)
		if state := string(fields[0]); state == "Z" || state == "X" {
			ended[number] = true
		}
	}
	found := numbers{}
	parents := []int{root}
	for len(parents) > 0 {
		one := parents[len(parents)-1]
		parents = parents[:len(parents)-1]
		for _, child := range children[one] {
			if !besides[child] && !found[child] {
				found[child] = true
				parents = append(parents, child)
			}
		}
	}
	for number := range ended {
		delete(found, number)
	}
	return found
}

// end ends all that descends from roots, but not this process, nor besides with descendants. Each is
// told to end, and killed where it does not within a time. reap is called before each look.
func end(roots []int, within time.Duration, besides numbers, reap func()) {
	told := numbers{}
	deadline := time.Now().Add(within)
	for time.Now().Before(deadline.Add(toDie)) {
		reap()
		left := numbers{}
		for _, root := range roots {
			for number := range descendants(root, besides) {
				left[number] = true
			}
		}
		delete(left, os.Getpid())
		if len(left) == 0 {
			return
		}
		isLate := !time.Now().Before(deadline)
		for number := range left {
			if isLate {
				syscall.Kill(number, syscall.SIGKILL)
			} else if !told[number] {
				syscall.Kill(number, syscall.SIGTERM)
				told[number] = true
			}
		}
		time.Sleep(betweenLooks)
	}
}
