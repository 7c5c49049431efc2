// Package guard watches a licence while a product runs.
//
// Each check is a process of its own: one that crashes, hangs or cannot be started is an outcome
// like any other, and what is on disk counts anew every time. Whatever is not "the licence holds"
// ends the watch, and with it the program that runs under it; so does the end of one of the guard's
// processes.
package guard

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"hostseal/license"
	"hostseal/place"
	"hostseal/problem"
	"hostseal/words"
)

const (
	// tries is how often a check that could not be made is tried again before that counts.
	tries = 3
	// betweenGlances is how often files are looked at between checks, and a licence file looked for
	// that is away, in seconds.
	betweenGlances = 1.0
)

// A Watch checks at an interval, beside or around a program, until the licence does not hold. Times
// are in seconds.
type Watch struct {
	// Client is the command of the client; a check that takes longer than CheckSeconds hangs.
	Client       []string
	CheckSeconds float64
	// CLI is how the operator calls the client, for remedies.
	CLI      string
	Interval float64
	// Metrics is a file; "": none.
	Metrics string
	// OnEnd is run with sh when the licence does not hold; "": nothing.
	OnEnd string
	// Where one of Files is replaced, there is a look at once: a licence that holds counts from then on,
	// and so does that one is revoked; whatever else only at the next check, as if nobody had looked.
	Files []string
	// A program is killed that is told to end and does not within ProgramSeconds, and so is a command
	// that takes longer than CommandSeconds. While a product runs, its licence file may be away, or
	// half there, for GapSeconds: somebody is replacing it.
	ProgramSeconds, CommandSeconds, GapSeconds float64
	// Remark says lines to a person.
	Remark func(lines ...string)

	program   int
	ended     chan struct{}
	held      bool
	tried     int
	awaySince *time.Time
	told      string
	number    string
	seen      []syscall.Stat_t
}

func seconds(number float64) time.Duration { return time.Duration(number * float64(time.Second)) }

// Run watches until the program ends, or the licence does; the exit code of this process. arguments
// are those of the process, with which the inner one is started.
func (w *Watch) Run(program, arguments []string) (int, *problem.Problem) {
	w.tried = tries // at the start nothing is running that another try could save
	if isInner, _ := IsInner(arguments); isInner {
		w.runInner(program, newInner(arguments[1]))
	}
	code, wrong := keep(arguments, seconds(w.ProgramSeconds))
	if wrong != nil {
		return 1, wrong
	}
	if code < 0 {
		code = w.giveUp()
	}
	return code, nil
}

// runInner does the watch in this process, and ends it; what goes wrong is for the keeper to say.
func (w *Watch) runInner(program []string, i *inner) {
	code := 1
	defer func() {
		if wrong := recover(); wrong != nil {
			if refused, ok := wrong.(*problem.Problem); ok {
				i.say("not-started " + notStartedText(refused))
			} else {
				i.say("defect " + strings.ReplaceAll(fmt.Sprint(wrong), "\n", " "))
			}
		}
		if !i.isKept() {
			i.endAll(toEnd)
		}
		os.Exit(code)
	}()
	code = w.watch(program, i)
}

func (w *Watch) watch(program []string, i *inner) int {
	for {
		w.seen = w.glance()
		found, isTold := w.check(i)
		if isTold || i.isTold() {
			break
		}
		w.tell(&found)
		pause, isLast := w.pauseAfter(&found)
		if isLast {
			return w.end(&found, i)
		}
		if found.holds() && len(program) > 0 && w.program == 0 {
			w.start(program, i)
		}
		if w.hasEndedWithin(pause, i) {
			return w.stop(i)
		}
		if i.isTold() {
			break
		}
	}
	code := w.stop(i)
	time.Sleep(betweenLooks) // the threads of a keeper that was killed end one after the other
	if !i.isKept() {
		return w.giveUp()
	}
	return code
}

// hasEndedWithin waits for the next check, unless that is due or the guard is told to end; whether
// the program has ended meanwhile.
func (w *Watch) hasEndedWithin(pause float64, i *inner) bool {
	until := time.Now().Add(seconds(pause))
	for {
		left := time.Until(until)
		if left > seconds(betweenGlances) {
			left = seconds(betweenGlances)
		}
		select {
		case <-i.told:
			return false
		case <-w.ended:
			return true
		case <-time.After(left):
		}
		if !time.Now().Before(until) {
			return false
		}
		if !reflect.DeepEqual(w.glance(), w.seen) && w.isDueEarly(i) {
			return false
		}
	}
}

// isDueEarly takes a new licence, if it holds; whether it is revoked instead.
func (w *Watch) isDueEarly(i *inner) bool {
	w.seen = w.glance()
	found, isTold := w.check(i)
	if !isTold && found.holds() {
		w.tell(&found)
	}
	return !isTold && revoked[found.code]
}

// glance is what the system tells of the files; nothing of one that is not there.
func (w *Watch) glance() []syscall.Stat_t {
	seen := make([]syscall.Stat_t, len(w.Files))
	for i, path := range w.Files {
		var of syscall.Stat_t
		if syscall.Stat(path, &of) == nil {
			of.Atim = syscall.Timespec{} // of a file that is read
			seen[i] = of
		}
	}
	return seen
}

// pauseAfter is how long until the next check; isLast: this one was.
func (w *Watch) pauseAfter(found *outcome) (pause float64, isLast bool) {
	if found.holds() {
		w.tried, w.awaySince, w.held = 0, nil, true
		return w.Interval, false
	}
	if !found.isDecided() {
		w.tried++
		return w.Interval / 10, w.tried > tries
	}
	if found.license != nil || !w.held {
		return 0, true
	}
	now := time.Now()
	if w.awaySince == nil {
		w.awaySince = &now
	}
	left := w.GapSeconds - now.Sub(*w.awaySince).Seconds()
	pause = betweenGlances
	for _, other := range []float64{w.Interval, left} {
		if other < pause {
			pause = other
		}
	}
	return pause, left <= 0
}

// tell says what is new, and writes the metrics.
func (w *Watch) tell(found *outcome) {
	if w.Metrics != "" {
		if refused := place.ReplaceLightly(w.Metrics, exposition(found), true); refused != nil {
			w.tellUnwritten(refused)
		}
	}
	number := ""
	if found.license != nil {
		number = found.license.Jti
	}
	fresh := strings.Join(append([]string{found.state(), number}, found.words...), "\n")
	if fresh == w.told {
		return
	}
	letter := "N"
	if !found.holds() {
		letter = "E"
	} else if found.words != nil {
		letter = "W"
	}
	at := time.Now().Unix()
	if found.checkedAt != nil {
		at = *found.checkedAt
	}
	said := fill("Licence state: {state}.", "state", words.Tr(found.state()))
	w.Remark("[" + letter + "]: " + problem.UTC(at) + ": " + said)
	if number != "" && w.number != "" && w.number != number {
		w.Remark(below(problem.Printable(fill("The licence is now {number}.", "number", number))))
	}
	if number != "" {
		w.number = number
	}
	for _, line := range found.words {
		w.Remark(below(line))
	}
	w.told = fresh
}

func fill(text string, namesAndValues ...any) string {
	return words.Fill(text, problem.Of(namesAndValues...))
}

func below(line string) string { return "     " + line }

func (w *Watch) tellUnwritten(refused *place.Light) {
	text := "Cannot write metrics to {path}: {reason}."
	lines := []string{"[W]: " + fill(text, "path", w.Metrics, "reason", words.Tr(refused.Said))}
	for _, line := range strings.Split(refused.Problem.Remedy("python cmd/cli.py", words.Tr), "\n") {
		lines = append(lines, below(line))
	}
	w.Remark(lines...)
}

// stop ends the program and whatever it has started; its exit code.
func (w *Watch) stop(i *inner) int {
	if w.program == 0 {
		return 0
	}
	i.endAll(seconds(w.ProgramSeconds))
	var status syscall.WaitStatus
	for {
		if _, err := syscall.Wait4(w.program, &status, 0, nil); err != syscall.EINTR {
			break
		}
	}
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

func (w *Watch) end(found *outcome, i *inner) int {
	if w.held {
		w.Remark("[E]: " + words.Tr("The licence is no longer valid; stopping."))
	}
	w.stop(i) // first, whatever the command does
	w.runAtEnd(found.code)
	return found.code
}

// giveUp: the other process of the guard was killed, and what ran under it has been ended.
func (w *Watch) giveUp() int {
	w.Remark("[E]: " + words.Tr("One of the processes of the guard was killed; stopping."))
	w.runAtEnd(unchecked)
	return unchecked
}

// runAtEnd runs the command with sh; one that does not end is ended, with what it has started.
func (w *Watch) runAtEnd(code int) {
	if w.OnEnd == "" {
		return
	}
	line := []string{"/bin/sh", "-c", w.OnEnd}
	number, err := syscall.ForkExec(line[0], line, &syscall.ProcAttr{
		Env:   append(os.Environ(), fmt.Sprint("LICENSE_EXIT_CODE=", code)),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return
	}
	select {
	case <-endOf(number):
	case <-time.After(seconds(w.CommandSeconds)):
		syscall.Kill(-number, syscall.SIGKILL)
		text := "The --on-end command did not finish within {seconds:g} seconds and was killed."
		w.Remark("[W]: " + fill(text, "seconds", w.CommandSeconds))
	}
	syscall.Wait4(number, nil, 0, nil)
}

// endOf is closed once a child has ended; it still has to be waited for.
func endOf(child int) chan struct{} {
	const byNumber, exited, leave = 1, 4, 0x1000000
	ended := make(chan struct{})
	go func() {
		var info [128]byte
		for {
			_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, byNumber, uintptr(child),
				uintptr(unsafe.Pointer(&info)), exited|leave, 0, 0)
			if errno != syscall.EINTR {
				break
			}
		}
		close(ended)
	}()
	return ended
}

// exposition is the metrics in Prometheus' text format, version 0.0.4.
func exposition(found *outcome) []byte {
	var out strings.Builder
	out.WriteString("# HELP license_state Whether the licence is in this state.\n# TYPE license_state gauge\n")
	for _, state := range states {
		is := 0
		if state == found.state() {
			is = 1
		}
		fmt.Fprintf(&out, "license_state{state=\"%s\"} %d\n", state, is)
	}
	if of := found.license; of != nil && of.Exp != nil {
		out.WriteString("# HELP license_expiry_timestamp_seconds When it ends; absent where it has no end.\n" +
			"# TYPE license_expiry_timestamp_seconds gauge\n")
		fmt.Fprintf(&out, "license_expiry_timestamp_seconds{%s} %d\n", labels(of), *of.Exp)
	}
	if found.checkedAt != nil {
		out.WriteString("# HELP license_checked_timestamp_seconds When the licence was checked last.\n" +
			"# TYPE license_checked_timestamp_seconds gauge\n")
		fmt.Fprintf(&out, "license_checked_timestamp_seconds %d\n", *found.checkedAt)
	}
	return []byte(out.String())
}

func labels(of *license.License) string {
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace
	return `product="` + escaped(of.Aud) + `",number="` + escaped(of.Jti) + `"`
}
