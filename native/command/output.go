package command

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"unicode/utf8"
	"unsafe"

	"hostseal/problem"
)

const readerGone = 141

// An output is where a command says things: the answer on standard output, remarks on standard
// error.
type output struct {
	held strings.Builder
	// isClosed: nobody listens on standard output, or on standard error.
	isClosed [3]bool
	columns  [3]int // of the terminal, 0: it is none
	isPlain  bool   // no colours
	// isASCII: the terminal's charset has no other characters that we know how to write.
	isASCII bool
}

// goneAway ends a command whose reader went away.
type goneAway struct{}

func newOutput(env func(string) string) *output {
	o := &output{isASCII: charset(env) != ""}
	for fd := 0; fd < 3; fd++ {
		if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0); errno != 0 {
			o.isClosed[fd] = true
			syscall.Open(os.DevNull, syscall.O_RDWR, 0) // so that no file gets that number
		}
		o.columns[fd] = columnsOf(fd)
	}
	term := env("TERM")
	o.isPlain = env("NO_COLOR") != "" || term == "" || term == "dumb"
	return o
}

// charset is the one that POSIX's locale variables name where it is not UTF-8; "": it is, or none
// is named.
func charset(env func(string) string) string {
	if env("PYTHONIOENCODING") != "" || env("PYTHONUTF8") != "" {
		return ""
	}
	named := env("LC_ALL")
	if named == "" {
		named = strings.ReplaceAll(env("LC_CTYPE"), "C.UTF-8", "")
	}
	if named == "" {
		named = env("LANG")
	}
	_, set, _ := strings.Cut(named, ".")
	set, _, _ = strings.Cut(strings.ToLower(set), "@")
	if set == "utf-8" || set == "utf8" {
		return ""
	}
	return set
}

func columnsOf(fd int) int {
	_, columns, isTerminal := sizeOf(fd)
	if isTerminal && columns == 0 {
		return 80
	}
	return columns
}

// rowsOf are the lines of a terminal.
func rowsOf(fd int) int {
	rows, _, _ := sizeOf(fd)
	if rows == 0 {
		return terminalRows
	}
	return rows
}

func sizeOf(fd int) (rows, columns int, isTerminal bool) {
	var size struct{ rows, columns, x, y uint16 }
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
	return int(size.rows), int(size.columns), errno == 0
}

// needReader panics with a problem where standard output is closed: for an answer that is all there
// is. A command that does something, or whose exit code is its answer, needs no reader.
func (o *output) needReader() {
	if o.isClosed[1] {
		panic(problem.New("output-failed", "reason", problem.Because("it is closed")))
	}
}

// say is one line of the answer, on standard output.
func (o *output) say(line string) { o.held.WriteString(o.shown(line, 1) + "\n") }

// sayAsIs is lines of the answer that are no message, and are not wrapped.
func (o *output) sayAsIs(lines []string) { o.held.WriteString(strings.Join(lines, "\n") + "\n") }

// remark is lines beside the answer, on standard error. Where they cannot be written nobody is
// told: the exit code says all that matters.
func (o *output) remark(lines ...string) {
	o.flush() // so that a log which catches both has them in order
	var text strings.Builder
	for _, line := range lines {
		text.WriteString(o.shown(line, 2) + "\n")
	}
	if !o.isClosed[2] {
		writeFully(2, text.String())
	}
}

// flush hands on what was said so far; panics with goneAway or a problem where that cannot be done.
func (o *output) flush() {
	text := o.held.String()
	o.held.Reset()
	if o.isClosed[1] || text == "" {
		return
	}
	switch err := writeFully(1, text); err {
	case nil:
	case syscall.EPIPE:
		o.isClosed[1] = true
		panic(goneAway{})
	default:
		o.isClosed[1] = true
		panic(problem.New("output-failed", "reason", reasonOf(err)))
	}
}

func writeFully(fd int, text string) error {
	for data := []byte(text); len(data) > 0; {
		count, err := syscall.Write(fd, data)
		switch err {
		case nil:
			data = data[count:]
		case syscall.EINTR:
		case syscall.EAGAIN: // a terminal that another program has set so
			waitWritable(fd)
		default:
			return err
		}
	}
	return nil
}

func waitWritable(fd int) {
	const pollOut = 4
	poll := struct {
		fd              int32
		events, revents int16
	}{int32(fd), pollOut, 0}
	timeout := syscall.Timespec{Sec: 1}
	syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&poll)), 1, uintptr(unsafe.Pointer(&timeout)), 0, 0, 0)
}

// shown is line as a stream shows it: for a person at a terminal in lines of its width, and colour.
// In a pipe or a log a line is a message.
func (o *output) shown(line string, fd int) string {
	line = o.encoded(line)
	if o.columns[fd] == 0 {
		return line
	}
	parts := message(line, o.columns[fd])
	for i := range parts {
		parts[i] = o.painted(parts[i])
	}
	return strings.Join(parts, "\n")
}

func (o *output) painted(line string) string {
	style := map[bool]string{strings.HasPrefix(line, "[E]"): "31", strings.HasPrefix(line, "[W]"): "33"}[true]
	if o.isPlain || style == "" {
		return line
	}
	return "\x1b[" + style + "m" + line[:3] + "\x1b[0m" + line[3:]
}

// encoded is text without what cannot be written: a name never stops an answer.
func (o *output) encoded(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\udc%02x`, text[i])
		case r < 0x80 || !o.isASCII:
			out.WriteString(text[i : i+size])
		case r < 0x100:
			fmt.Fprintf(&out, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			fmt.Fprintf(&out, `\U%08x`, r)
		}
		i += size
	}
	return out.String()
}
