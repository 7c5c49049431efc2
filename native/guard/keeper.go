package guard

import (
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"hostseal/license"
	"hostseal/problem"
)

const (
	subreaper = 36 // PR_SET_CHILD_SUBREAPER
	mark      = "--watch-of="
	pipeAt    = 3 // the number of the pipe in the inner process
	// toEnd is how long what is left has to end where both the keeper and the watch have failed.
	toEnd = time.Second
)

// endings are what ends a watch whose program has not started, or that has none.
var endings = []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT}

// IsInner tells whether these arguments are of an inner process; they come without what says so.
func IsInner(arguments []string) (bool, []string) {
	if len(arguments) > 1 && strings.HasPrefix(arguments[1], mark) {
		return true, append([]string{arguments[0]}, arguments[2:]...)
	}
	return false, arguments
}

// A keeper is the process around a watch; it can be the first one of a container.
//
// A guard is two processes. The inner one watches: it checks, and is the parent of the program. The
// keeper, around it, hands every signal on to the program, reaps what has lost its parent, and sees
// that the inner one lives. If either is killed the other is there to end the program.
type keeper struct {
	inner, pipe int
	before      numbers
	ending      map[os.Signal]bool
	signals     chan os.Signal
	// isReady: the inner process hears of signals; isToEnd: it is to be told to end once it does.
	isReady, isToEnd bool
	program          int
	early            []syscall.Signal
	status           *syscall.WaitStatus
	wrong            *problem.Problem
}

// keep starts the inner process and hands signals on until it has ended, and then ends what is left.
// The exit code of the inner process; below 0: it was killed.
func keep(arguments []string, within time.Duration) (int, *problem.Problem) {
	k := &keeper{
		before:  descendants(os.Getpid(), nil), // a shell that became this guard may have had children
		ending:  map[os.Signal]bool{},
		signals: make(chan os.Signal, 1024),
	}
	for _, one := range endings {
		k.ending[one] = !signal.Ignored(one) // see nohup(1)
	}
	hearAll(k.signals)
	syscall.RawSyscall(syscall.SYS_PRCTL, subreaper, 1, 0)
	if refused := k.start(arguments); refused != nil {
		return 1, refused
	}
	for k.status == nil {
		number := (<-k.signals).(syscall.Signal)
		k.listen()
		if number != syscall.SIGCHLD {
			k.handOn(number)
		}
		k.reap()
	}
	end([]int{os.Getpid()}, within, k.before, k.reap)
	k.listen()
	signal.Reset()
	syscall.Close(k.pipe)
	if k.status.Signaled() {
		return -int(k.status.Signal()), k.wrong
	}
	return k.status.ExitStatus(), k.wrong
}

// hearAll lets signals end nothing and stop nothing: they are heard of. What is ignored stays so,
// for the program too. SIGPROF alone is not heard of: the runtime of Go keeps it for itself.
func hearAll(heard chan<- os.Signal) {
	for number := syscall.Signal(1); number < 65; number++ {
		if number != syscall.SIGKILL && number != syscall.SIGSTOP && !signal.Ignored(number) {
			signal.Notify(heard, number)
		}
	}
}

func (k *keeper) start(arguments []string) *problem.Problem {
	var pipe [2]int
	if err := syscall.Pipe2(pipe[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		return problem.New("internal-error", "reason", err.Error())
	}
	before := []string{strconv.Itoa(os.Getpid())}
	for number := range k.before {
		before = append(before, strconv.Itoa(number))
	}
	line := append([]string{arguments[0], mark + strings.Join(before, ",")}, arguments[1:]...)
	inner, err := syscall.ForkExec("/proc/self/exe", line, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2, uintptr(pipe[1])},
		Sys:   &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM},
	})
	syscall.Close(pipe[1])
	if err != nil {
		return problem.New("internal-error", "reason", err.Error())
	}
	k.inner, k.pipe = inner, pipe[0]
	return nil
}

// listen takes in what the inner process says.
func (k *keeper) listen() {
	said := make([]byte, 1<<16)
	count, err := syscall.Read(k.pipe, said)
	if err != nil || count <= 0 {
		return
	}
	for _, line := range strings.Split(strings.TrimSuffix(string(said[:count]), "\n"), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "ready":
			k.isReady = true
			if k.isToEnd {
				syscall.Kill(k.inner, syscall.SIGTERM)
			}
		case "starting": // signals wait for the program now
			k.ending = nil
		case "started":
			k.ending = nil
			k.program, _ = strconv.Atoi(rest)
			for _, number := range k.early { // they came while it was being started
				k.handOn(number)
			}
			k.early = nil
		case "not-started":
			k.wrong = notStartedOf(rest)
		case "defect":
			k.wrong = problem.New("internal-error", "reason", rest)
		}
	}
}

func (k *keeper) handOn(number syscall.Signal) {
	if k.program != 0 {
		syscall.Kill(-k.program, number)
		return
	}
	k.early = append(k.early, number)
	if k.ending[number] {
		k.isToEnd = true
		if k.isReady {
			syscall.Kill(k.inner, syscall.SIGTERM)
		}
	}
}

// reap asks for the end of whatever has ended; a watch that was stopped goes on.
func (k *keeper) reap() {
	for {
		var status syscall.WaitStatus
		number, err := syscall.Wait4(-1, &status, syscall.WNOHANG|syscall.WUNTRACED, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || number <= 0 {
			return
		}
		if status.Stopped() {
			if number == k.inner {
				syscall.Kill(number, syscall.SIGCONT)
			}
		} else if number == k.inner {
			k.status = &status
		}
	}
}

// An inner is what the inner process has of its keeper.
type inner struct {
	keeper int
	before numbers
	// told is closed once the keeper says that it is over, or has been killed.
	told chan struct{}
}

// newInner is made first of all in the inner process, of the argument that says that it is one.
func newInner(argument string) *inner {
	i := &inner{before: numbers{}, told: make(chan struct{})}
	for at, text := range strings.Split(strings.TrimPrefix(argument, mark), ",") {
		number, _ := strconv.Atoi(text)
		if at == 0 {
			i.keeper = number
		} else {
			i.before[number] = true
		}
	}
	syscall.CloseOnExec(pipeAt)
	hearAll(make(chan os.Signal, 1)) // nobody asks for them: they are the keeper's
	terms := make(chan os.Signal, 1)
	signal.Notify(terms, syscall.SIGTERM)
	go func() {
		<-terms
		close(i.told)
	}()
	i.say("ready")
	if !i.isKept() {
		syscall.Kill(os.Getpid(), syscall.SIGTERM)
	}
	return i
}

func (i *inner) isKept() bool { return os.Getppid() == i.keeper }

func (i *inner) isTold() bool {
	select {
	case <-i.told:
		return true
	default:
		return false
	}
}

// endAll ends all that was started under this guard; what does not within a time is killed. It
// looks under itself, too: while the threads of a keeper that was killed end one after the other, it
// still counts as the parent of this process, and in a moment it does not.
func (i *inner) endAll(within time.Duration) {
	roots := []int{os.Getpid()}
	if i.isKept() {
		roots = append(roots, i.keeper)
	}
	end(roots, within, i.before, func() {})
}

// say tells the keeper something; where that was killed, SIGTERM says it too.
func (i *inner) say(line string) {
	syscall.Write(pipeAt, []byte(line+"\n"))
	syscall.Kill(i.keeper, syscall.SIGCHLD) // look
}

func notStartedText(of *problem.Problem) string {
	reason := of.Values["reason"]
	folder := any(nil)
	if made, ok := reason.(problem.Reason); ok {
		reason, folder = made.Template, made.Values["folder"]
	}
	return string(license.WriteJSON(license.NewObject(
		"program", of.Values["program"], "reason", reason, "folder", folder)))
}

func notStartedOf(text string) *problem.Problem {
	value, _ := license.ParseJSON([]byte(text))
	object, ok := value.(*license.Object)
	if !ok {
		return problem.New("internal-error", "reason", text)
	}
	program, _ := object.Get("program")
	reason, _ := object.Get("reason")
	if folder, isThere := object.Get("folder"); isThere {
		reason = problem.Because(reason.(string), "folder", folder)
	}
	return problem.New("program-not-started", "program", program, "reason", reason)
}
