package command

import (
	"hostseal/host"
	"hostseal/license"
	"hostseal/place"
	"hostseal/problem"
	"hostseal/update"
)

// installUpdate takes in a keyset, roots or a list: all that the file has, or nothing. The exit code
// is that of the installed licence, where there is one that does not hold.
func installUpdate(
	s *session, blocks license.Blocks, path any, facts *host.Facts, remarks []problem.Notice,
) int {
	former, _ := presentReport(s, facts)
	before, _ := s.place.ReadMemory(facts)
	memory := license.Memory{Authentic: true}
	remembered := memory
	if before != nil {
		memory = *before
		if before.Authentic {
			remembered = *before
		}
	}
	known, refused := s.known()
	orRefuse(refused)
	list, refused := s.place.ReadRevocations()
	if refused != nil && refused.Slug != "list-too-large" { // that one is replaced as any other is
		panic(refused)
	}
	found := update.Open(blocks, path, known, &remembered, list)
	problems := withBlocks(found.Problems, blocks, path, known)
	if len(problems) == 1 {
		panic(problems[0])
	}
	if problems != nil {
		panic(refusal{report: &license.Report{Now: s.now, Problems: problems}})
	}
	written := s.writeUpdate(&found, path, list)
	version, number, kid := remembered.Trust, int64(0), ""
	if found.Trust != nil {
		version = found.Trust.Version()
	}
	if found.Revocations != nil {
		number, kid = found.Revocations.Number, found.Revocations.Kid
	}
	more := remarks
	if unkept := s.place.Keep(before, memory.Learn(version, number, kid, nil), facts); unkept != nil {
		more = append(more, *unkept)
	}
	report, source := presentReport(s, facts)
	if s.asJSON {
		s.say(indented(object{{"installed", written}, {"check", reportJSON(report, source, s.cli, more...)}}))
	} else {
		s.tellUpdate(&found, path, written, report, former.OK(), more)
	}
	if wrongWith(report) != nil {
		return report.ExitCode()
	}
	return 0
}

// writeUpdate puts in place what is new; the paths that were written.
func (s *session) writeUpdate(found *update.Update, path any, list []byte) []string {
	var files []place.Replacement
	if found.Trust != nil {
		text := []byte(found.Trust.Wrap())
		if len(text) > place.MaxFile { // no check could read it again
			panic(problem.New("file-too-large", "path", path, "size", len(text), "cap", place.MaxFile))
		}
		present, refused := s.place.ReadTrust()
		orRefuse(refused)
		if string(text) != string(present) {
			files = append(files, place.Replacement{Path: s.place.Trust(), Data: text})
		}
	}
	if found.Revocations != nil {
		text := license.Wrap(license.RevocationsLabel, found.Token)
		if text != string(list) {
			files = append(files, place.Replacement{Path: s.place.Revocations(), Data: []byte(text)})
		}
	}
	if files != nil {
		_, refused := place.ReplaceAll(files...)
		orRefuse(refused)
	}
	written := []string{}
	for _, file := range files {
		written = append(written, file.Path)
	}
	return written
}

// tellUpdate says what was taken in, and what it means for the licence that is installed; held: it
// was valid before.
func (s *session) tellUpdate(
	found *update.Update, path any, written []string, report *license.Report, held bool, more []problem.Notice,
) {
	if found.Trust != nil {
		version := []any{"version", found.Trust.Keyset.Version, "roots", found.Trust.RootsVersion}
		if !found.WasKnown {
			s.say(note("Keyset {version} (roots {roots}) is now trusted on this host.", version...))
		} else if found.Revocations == nil { // a list always comes with the keyset that vouches for it
			s.say(note("Keyset {version} (roots {roots}) was already known; {path} has nothing newer.",
				append(version, "path", path)...))
		}
	}
	if found.Revocations != nil {
		text := "Revocation list {number} was already in force on this host."
		if contains(written, s.place.Revocations()) {
			text = "Revocation list {number} is now in force on this host."
		}
		s.say(note(text, "number", found.Revocations.Number))
	}
	for _, path := range written {
		s.say(note("Installed as {path}.", "path", path))
	}
	if report.License != nil && report.OK() {
		s.say(holdsLine(report.License, s.now))
	}
	wrong := wrongWith(report)
	if wrong != nil {
		text := "The installed licence is still not valid:"
		if held {
			text = "With these changes the installed licence is not valid:"
		}
		s.say(note(text))
	}
	for _, one := range wrong {
		s.remark(problemLines(one, s.cli)...)
	}
	s.remarkAll(more)
}

// wrongWith is what is wrong with the installed licence; one that is not there yet comes later.
func wrongWith(report *license.Report) []*problem.Problem {
	var wrong []*problem.Problem
	for _, one := range report.Problems {
		if one.Slug != "license-missing" {
			wrong = append(wrong, one)
		}
	}
	return wrong
}
