// Package command has the commands of the client, what they print, and how they end: one file a
// command. It says what the Python client says, and ends with the same exit codes.
package command

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"hostseal/guard"
	"hostseal/license"
	"hostseal/place"
	"hostseal/problem"
	"hostseal/words"
)

// Version is that of the client.
const Version = "0.1.0"

const (
	interrupted = 130
	noLine      = 2
)

// commands are what this client can do; each gives an exit code, or panics with a problem or a
// refusal.
var commands = map[string]func(*session, parsed) int{
	"get_host_key": getHostKey,
	"request":      request,
	"install":      install,
	"verify":       verify,
	"show":         show,
	"guard":        guardProgram,
	"pin":          pin,
	"site":         site,
	"return":       giveBack,
}

// A refusal is that a command ends with the problems of a report.
type refusal struct {
	report     *license.Report
	source     *place.Source
	comparison *license.Comparison
	// notes are said after it.
	notes []string
}

// Run is a run of the client; its exit code. Every problem becomes its exit code and words; no
// trace gets out.
func Run(start Start) (code int) {
	out := newOutput(os.Getenv)
	_, arguments := guard.IsInner(start.Arguments)
	line := inFront(arguments[1:])
	asJSON := speak(line, out)
	call := &call{start: start, out: out, asJSON: asJSON, cli: calledAs(start)}
	code = call.caught(func() int { return call.run(line) })
	return call.caught(func() int { out.flush(); return code })
}

// A call is a run whose line may not be understood yet.
type call struct {
	start  Start
	out    *output
	asJSON bool
	cli    string
}

// caught is the exit code of what is done, however it ends.
func (c *call) caught(do func() int) (code int) {
	defer func() {
		switch wrong := recover().(type) {
		case nil:
		case goneAway:
			code = readerGone
		case endOfAnswers:
			code = interrupted
		case *problem.Problem:
			code = c.caught(func() int { return c.refuse(wrong, nil) })
		case misunderstanding:
			code = c.caught(func() int { return c.refuse(wrong.problem(), nil) })
		case refusal:
			code = c.caught(func() int { return c.refuseReport(wrong) })
		case refusedWith:
			code = c.caught(func() int { return c.refuse(wrong.problem, wrong.notes) })
		default:
			unforeseen := problem.New("internal-error", "reason", fmt.Sprint(wrong))
			code = c.caught(func() int { return c.refuse(unforeseen, nil) })
		}
	}()
	return do()
}

// refusedWith is a problem with notes that are said after it.
type refusedWith struct {
	problem *problem.Problem
	notes   []string
}

func (c *call) run(line []string) int {
	program := filepath.Base(c.start.Arguments[0])
	if c.start.Called != "" {
		program = filepath.Base(c.start.Called)
	}
	group := manualOf("")
	if len(line) == 0 {
		c.sayPage(group.page(program))
		return noLine
	}
	of, wantsHelp := group.parse(line)
	if wantsHelp {
		c.sayPage(group.page(program))
		return 0
	}
	if of.has("--version") {
		c.out.say("hostseal, version " + Version)
		return 0
	}
	if len(of.arguments) == 0 {
		panic(misunderstanding{words.Tr("Missing command."), ""})
	}
	name := of.arguments[0]
	if contains(elsewhere, name) {
		panic(usage(said(words.Elsewhere, "command", name), "--help"))
	}
	manual := manualOf(name)
	if manual == nil || name == "" {
		panic(misunderstanding{noSuchCommand(name), ""})
	}
	options, wantsHelp := manual.parse(of.arguments[1:])
	if wantsHelp {
		c.sayPage(manual.page(program))
		return 0
	}
	if name != "guard" {
		go endWhenInterrupted()
	}
	s := newSession(c.start, c.out, of)
	c.cli = s.cli
	return commands[name](s, options)
}

func noSuchCommand(name string) string {
	text := said("No such command {name!r}.", "name", name)
	var all []string
	for _, one := range manuals[1:] {
		all = append(all, one.name)
	}
	near := nearest(strings.ReplaceAll(name, "-", "_"), append(all, elsewhere...), 1)
	if len(near) == 0 {
		return text
	}
	return text + " " + said("Did you mean {command}?", "command", near[0])
}

func (c *call) sayPage(page string) {
	for _, line := range strings.Split(page, "\n") {
		c.out.say(line)
	}
}

// speak says everything in the language that --lang or the environment names. A machine, which asks
// for JSON, is answered in English; whether it is one.
func speak(line []string, out *output) (asJSON bool) {
	var ours []string
	for _, word := range line {
		if isCommand(word) {
			break
		}
		ours = append(ours, word)
	}
	language := ""
	for _, one := range []string{"en", "zh"} {
		if language == "" && contains(ours, "--lang="+one) {
			language = one
		}
	}
	for i := 0; language == "" && i+1 < len(ours); i++ {
		if ours[i] == "--lang" && (ours[i+1] == "en" || ours[i+1] == "zh") {
			language = ours[i+1]
		}
	}
	if language == "" {
		language = words.Of(os.Getenv)
	}
	asJSON = contains(ours, "--json")
	if asJSON || out.isASCII {
		language = "en"
	}
	words.Speak(language)
	return asJSON
}

func (c *call) refuse(refused *problem.Problem, notes []string) int {
	if c.asJSON && refused.Slug != "output-failed" {
		c.out.say(indented(object{
			{"ok", false},
			{"exit_code", refused.ExitCode()},
			{"problems", problemsJSON([]*problem.Problem{refused}, c.cli)},
			{"notices", []any{}},
		}))
	} else {
		c.out.remark(append(problemLines(refused, c.cli), notes...)...)
	}
	return refused.ExitCode()
}

func (c *call) refuseReport(refused refusal) int {
	report := refused.report
	if c.asJSON {
		c.out.say(indented(append(reportJSON(report, refused.source, c.cli), comparisonJSON(refused.comparison)...)))
		return report.ExitCode()
	}
	for _, line := range comparisonLines(refused.comparison) {
		c.out.say(line)
	}
	aboutTheClock := false
	for _, one := range report.Problems {
		c.out.remark(problemLines(one, c.cli)...)
		aboutTheClock = aboutTheClock || one.Slug == "clock-set-back" || one.Slug == "license-not-yet-valid"
	}
	for _, notice := range report.Notices {
		// That nothing was remembered matters only where the clock does.
		if notice.Slug != "memory-missing" || aboutTheClock {
			c.out.remark(noticeLines(notice, c.cli)...)
		}
	}
	c.out.remark(refused.notes...)
	return report.ExitCode()
}

// endWhenInterrupted leaves no half of a file behind.
func endWhenInterrupted() {
	if signal.Ignored(syscall.SIGINT) {
		return
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGINT)
	<-told
	place.Writing.Lock()
	os.Exit(interrupted)
}
