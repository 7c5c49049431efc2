package guard

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"hostseal/place"
	"hostseal/problem"
)

var whyNot = map[error]string{
	syscall.ENOENT:  "there is no such file, or the interpreter in its first line is missing",
	syscall.EACCES:  "it is not executable (`chmod +x`)",
	syscall.EISDIR:  "it is a folder",
	syscall.ENOEXEC: "it is neither a program nor a script that begins with #!",
}

// start starts the program in a group of its own; panics with a problem.
func (w *Watch) start(program []string, i *inner) {
	i.say("starting")
	number, err := execute(program)
	if err != nil {
		panic(notStarted(program[0], err))
	}
	w.program, w.ended = number, endOf(number)
	i.say("started " + strconv.Itoa(number))
}

// execute starts a program, which is looked for in PATH where its name has no folder. It is told to
// end if this process dies, whatever becomes of the keeper.
func execute(program []string) (int, error) {
	paths := []string{program[0]}
	if !strings.Contains(program[0], "/") {
		paths = nil
		for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
			paths = append(paths, filepath.Join(folder, program[0]))
		}
	}
	var first, last error = nil, syscall.ENOENT
	for _, path := range paths {
		number, err := syscall.ForkExec(path, program, &syscall.ProcAttr{
			Env:   os.Environ(),
			Files: []uintptr{0, 1, 2},
			Sys:   &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM},
		})
		if err == nil {
			return number, nil
		}
		last = err
		if first == nil && err != syscall.ENOENT && err != syscall.ENOTDIR {
			first = err
		}
	}
	if first != nil {
		return 0, first
	}
	return 0, last
}

func notStarted(program string, err error) *problem.Problem {
	if place.IsFolder(program) {
		err = syscall.EISDIR
	}
	var reason any = place.Words(err)
	if known := whyNot[err]; known != "" {
		reason = known
	}
	if err == syscall.EACCES {
		if folder := place.FirstBarred(program); folder != "" {
			reason = problem.Because("this user may not enter {folder}", "folder", folder)
		}
	}
	return problem.New("program-not-started", "program", program, "reason", reason)
}
