package command

import (
	"os"
	"path/filepath"
	"strings"

	"hostseal/guard"
	"hostseal/host"
	"hostseal/place"
	"hostseal/problem"
)

// A Start is how this process was started.
type Start struct {
	// Arguments are those of the process, its own name first.
	Arguments []string
	// Now is the instant of the run, in seconds; read once.
	Now int64
	// Home is the folder of conf/ and keys/; "": there is none.
	Home string
	// Called is how the operator calls the client; "": by the first of Arguments.
	Called string
	// Watch changes how guard watches; nil: not at all.
	Watch func(*guard.Watch)
}

// A session is what every command is given.
type session struct {
	*output
	place  place.Place
	now    int64
	asJSON bool
	// cli is how the operator called the client, for remedies.
	cli string
	// client is how it is started again, looking at the same place.
	client []string
	start  Start
}

func (s *session) facts() host.Facts {
	facts, refused := s.place.Facts(os.LookupEnv)
	orRefuse(refused)
	return facts
}

// orRefuse ends a command with a problem, if there is one.
func orRefuse(refused *problem.Problem) {
	if refused != nil {
		panic(refused)
	}
}

func newSession(start Start, out *output, of parsed) *session {
	s := &session{output: out, now: start.Now, asJSON: of.has("--json"), start: start}
	s.cli = calledAs(start)
	at, refused := place.Default(os.Getenv, start.Home, of.text("--conf"), of.text("--keys"), of.text("--root"))
	if refused != nil && refused.Slug == "folder-unnamed" {
		refused = unnamed(refused, itself(start))
	}
	orRefuse(refused)
	s.place = at
	var usual *place.Place
	nothing := func(string) string { return "" }
	if found, refused := place.Default(nothing, start.Home, "", "", ""); refused == nil {
		usual = &found
	}
	s.cli = calledAs(start) + foldersOf(at, usual)
	s.client = []string{itself(start), "--conf", at.Conf, "--keys", at.Keys, "--root", at.Root}
	return s
}

// unnamed is refused, with what to do about it where this program stands.
func unnamed(refused *problem.Problem, path string) *problem.Problem {
	advice := "one-file-apart"
	beside := filepath.Dir(path)
	if place.IsFolder(filepath.Join(beside, "conf")) && !place.IsFolder(filepath.Join(beside, "keys")) {
		refused, advice = problem.New("folder-unnamed", "folder", "keys"), "one-file-without-keys"
	}
	return refused.Advised([]string{advice}, problem.Of("path", path))
}

// itself is the file of this program.
func itself(start Start) string {
	if path, err := os.Executable(); err == nil {
		return path
	}
	return start.Arguments[0]
}

// calledAs is how this process can be called again from the operator's own shell.
func calledAs(start Start) string {
	if start.Called != "" {
		return start.Called
	}
	return quotedWord(tidy(start.Arguments[0]))
}

// foldersOf names the folders of a place where they are not the usual ones: what start.sh sets in
// its environment a shell has not got.
func foldersOf(at place.Place, usual *place.Place) string {
	line := ""
	name := func(option, folder string, known func() string) {
		if usual == nil || (folder != known() && place.Real(folder) != place.Real(known())) {
			line += " " + option + " " + quotedWord(tidy(folder))
		}
	}
	name("--conf", at.Conf, func() string { return usual.Conf })
	name("--keys", at.Keys, func() string { return usual.Keys })
	return line
}

// tidy is path without detours such as conf/../..; the name of a link at its end stays.
func tidy(path string) string {
	if !contains(strings.Split(path, "/")[1:], "..") {
		return path
	}
	at := strings.LastIndexByte(path, '/')
	folder, name := path[:at], path[at+1:]
	plain, real := filepath.Clean(folder), place.Real(folder)
	if place.Real(plain) != real { // a link lies before ..
		plain = real
	}
	return filepath.Join(plain, name)
}

// quotedWord is word for a shell.
func quotedWord(word string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./_-"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(problem.Printable(word), "'", "'\"'\"'") + "'"
}

func wordsOf(err error) string { return place.Words(err) }
