package guard

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"hostseal/license"
	"hostseal/place"
	"hostseal/problem"
	"hostseal/words"
)

// unchecked is the exit code where the licence could not be checked; that of start.sh.
const unchecked = 70

// undecided are exit codes that say nothing of the licence (SPEC section 9).
var undecided = map[int]bool{
	unchecked: true, 1: true, 2: true, 3: true, 11: true, 65: true, 126: true, 127: true, 130: true, 141: true,
}

// revoked are exit codes that say what the vendor has revoked: a signing key, a licence.
var revoked = map[int]bool{28: true, 43: true}

var states = []string{"active", "notify", "grace", "pending", "expired", "refused", "unchecked"}

// An outcome is what one check said.
type outcome struct {
	// code is the check's exit code; unchecked where it has none.
	code int
	// words are lines that a person should read.
	words     []string
	license   *license.License
	checkedAt *int64
}

// holds: the product may go on.
func (o *outcome) holds() bool { return o.code == 0 }

// isDecided: the licence was looked at; then another try would say the same.
func (o *outcome) isDecided() bool { return !undecided[o.code] }

// state is one of states.
func (o *outcome) state() string {
	if !o.isDecided() {
		return "unchecked"
	}
	if o.license == nil || o.checkedAt == nil {
		return "refused"
	}
	state := o.license.State(*o.checkedAt)
	if o.holds() || state == "pending" || state == "expired" {
		return state
	}
	return "refused"
}

func notChecked(reason any) outcome {
	said, ok := reason.(string)
	if made, isReason := reason.(problem.Reason); isReason {
		said = made.Say(words.Tr)
	} else if ok {
		said = words.Tr(said)
	}
	text := words.Fill("Could not check the licence: {reason}.", problem.Of("reason", problem.Printable(said)))
	return outcome{code: unchecked, words: []string{text}}
}

// notStarted is that a check could not be, and for want of which file.
func (w *Watch) notStarted(err error) outcome {
	path := w.Client[0]
	var of *os.PathError
	if errors.As(err, &of) {
		path = of.Path
	}
	return notChecked(problem.Because("the check could not be started: {path}: {reason}",
		"path", path, "reason", place.Words(err)))
}

// check checks once, with verify as a process; isTold: the keeper said that it is over.
func (w *Watch) check(i *inner) (found outcome, isTold bool) {
	command := exec.Command(w.Client[0], append(append([]string(nil), w.Client[1:]...), "--json", "verify")...)
	reader, writer, err := os.Pipe()
	if err != nil {
		return w.notStarted(err), false
	}
	defer reader.Close()
	command.Stdout = writer
	err = command.Start()
	writer.Close()
	if err != nil {
		return w.notStarted(err), false
	}
	var said []byte
	done := make(chan struct{})
	go func() {
		said, _ = io.ReadAll(reader) // also what others hold open who were started by it
		close(done)
	}()
	isLate := false
	select {
	case <-done:
	case <-i.told:
		isTold = true
	case <-time.After(seconds(w.CheckSeconds)):
		isLate = true
	}
	if isTold || isLate {
		command.Process.Kill()
	}
	command.Wait()
	if isTold {
		return outcome{}, true
	}
	if isLate {
		text := "the check did not finish within {seconds:g} seconds"
		return notChecked(problem.Because(text, "seconds", w.CheckSeconds)), false
	}
	status, ok := command.ProcessState.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		text := "the check was killed by signal {number}"
		return notChecked(problem.Because(text, "number", int(status.Signal()))), false
	}
	code := command.ProcessState.ExitCode()
	found, err = w.read(code, said)
	if errors.Is(err, errContradicts) {
		return notChecked("the check's output contradicts its exit code"), false
	}
	if err != nil {
		return notChecked(problem.Because("the check's output is unreadable (exit {code})", "code", code)), false
	}
	return found, false
}

var (
	errContradicts = errors.New("the exit code contradicts the output")
	errUnreadable  = errors.New("the output is unreadable")
)

func (w *Watch) read(code int, said []byte) (outcome, error) {
	value, err := license.ParseJSON(said)
	answer, ok := value.(*license.Object)
	if err != nil || !ok {
		return outcome{}, errUnreadable
	}
	found := outcome{code: code}
	for _, name := range []string{"problems", "notices"} {
		list, isThere := answer.Get(name)
		items, isArray := list.([]any)
		if !isThere || !isArray {
			return outcome{}, errUnreadable
		}
		for _, item := range items {
			one, ok := item.(*license.Object)
			if !ok {
				return outcome{}, errUnreadable
			}
			if isWorth(one) {
				found.words = append(found.words, w.linesOf(one)...)
			}
		}
	}
	if members, isThere := answer.Get("license"); isThere && members != nil {
		of, refused := license.ParseLicense(license.WriteJSON(members))
		if refused != nil {
			return outcome{}, errUnreadable
		}
		found.license = of
	}
	holds, isBool := valueOf(answer, "ok").(bool)
	if !isBool {
		return outcome{}, errUnreadable
	}
	if (code == 0) != holds || (code == 0 && found.license == nil) {
		return outcome{}, errContradicts
	}
	if number, ok := valueOf(answer, "checked_at").(license.Number); ok {
		if at, isInteger := number.Integer(); isInteger {
			found.checkedAt = &at
		}
	}
	return found, nil
}

func valueOf(object *license.Object, name string) any {
	value, _ := object.Get(name)
	return value
}

func isWorth(told *license.Object) bool {
	_, isProblem := told.Get("exit_code")
	return isProblem || valueOf(told, "level") == "warning"
}

// linesOf are a problem or notice for a person; the check itself answered a machine, in English.
func (w *Watch) linesOf(told *license.Object) []string {
	sentence, _ := valueOf(told, "sentence").(string)
	remedy, _ := valueOf(told, "remedy").(string)
	slug, _ := valueOf(told, "slug").(string)
	facts, _ := valueOf(told, "facts").(*license.Object)
	if !words.IsEnglish() && facts != nil {
		made := problem.Worded{Slug: slug, Values: problem.Values{}}
		for _, name := range facts.Names {
			made.Values[name] = plain(valueOf(facts, name))
		}
		sentence, remedy = made.Say(words.Tr), made.Remedy(w.CLI, words.Tr)
	}
	lines := []string{sentence}
	if remedy != "" {
		lines = append(lines, strings.Split(remedy, "\n")...)
	}
	return lines
}

func plain(value any) any {
	if number, ok := value.(license.Number); ok {
		whole, err := strconv.ParseInt(string(number), 10, 64)
		if err == nil {
			return whole
		}
	}
	if text, ok := value.(string); ok {
		return text
	}
	return nil
}
