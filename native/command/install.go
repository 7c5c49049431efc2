package command

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"

	"hostseal/host"
	"hostseal/license"
	"hostseal/place"
	"hostseal/problem"
	"hostseal/update"
	"hostseal/words"
)

const hidden = "a part of it that is signed has no BEGIN line of its own that can be read"

const unasked = "Nothing was installed: this licence is older or grants less, and without a terminal nobody " +
	"can be asked. If it is agreed, add --yes."

// install checks a file from the vendor and puts it in place.
func install(s *session, of parsed) int {
	source := of.arguments[0]
	data, path, remarks := readSource(s, source)
	facts := s.facts()
	blocks, err := license.Unwrap(data)
	if err != nil { // it is cut off, which is for the check to say
		blocks = license.Blocks{}
	}
	_, hasLicense := blocks[license.LicenseLabel]
	for _, label := range []string{license.KeysetLabel, license.RootsLabel, license.RevocationsLabel} {
		if _, has := blocks[label]; has && !hasLicense {
			return installUpdate(s, blocks, path, &facts, remarks)
		}
	}
	before, _ := s.place.ReadMemory(&facts)
	present, _ := presentReport(s, &facts)
	checked := s.checkNew(data, blocks, path, &facts)
	s.refuseIfKeptElsewhere()
	report := checked.Report
	warnings := taken(present, report.License)
	isAgreed := of.has("--yes")
	unsaid := warnings
	if !s.asJSON {
		s.remarkAll(warnings)
		unsaid = nil
	}
	if warnings != nil && !isAgreed && !s.canBeAsked() {
		refused := usage(problem.Because(unasked), "install --help")
		panic(refusal{report: &license.Report{Now: s.now, Problems: []*problem.Problem{refused}, Notices: unsaid}})
	}
	if warnings != nil && !isAgreed && !s.isConfirmed(words.Tr("Install it all the same?")) {
		s.remark(note("Nothing was installed."))
		return interrupted
	}
	keeps := isToKeep(s.place.License(), data)
	written := []place.Replacement{{Path: s.place.License(), Data: data, KeepFormer: keeps}}
	if checked.Trust != "" { // before the licence: it may be proven by nothing else
		trust := place.Replacement{Path: s.place.Trust(), Data: []byte(checked.Trust)}
		written = []place.Replacement{trust, written[0]}
	}
	kept, refused := place.ReplaceAll(written...)
	if refused != nil && s.place.Named != nil && refused.HasOnly("folder-not-writable", "read-only") &&
		refused.Values["folder"] == filepath.Dir(place.Real(s.place.License())) {
		refused.Advised([]string{"read-only-source"},
			problem.Of("mount", refused.More["mount"], "name", filepath.Base(s.place.License())))
	}
	orRefuse(refused)
	more := remarks
	if s.asJSON {
		more = append(more, warnings...)
	}
	if unkept := s.place.Keep(before, checked.Memory, &facts); unkept != nil {
		more = append(more, *unkept)
	}
	s.tell(checked, kept[len(kept)-1], more)
	return 0
}

// isToKeep tells whether the file at path is kept as the former one, for which the one before it is
// lost. The same licence in other bytes is no former one; nor does what is no licence take the place
// of one.
func isToKeep(path string, next []byte) bool {
	data, _ := place.Read(path, place.MaxFile)
	if present := license.LicenseIn(data); present != "" {
		return present != license.LicenseIn(next)
	}
	former, _ := place.Read(place.Real(path)+place.Former, place.MaxFile)
	return license.LicenseIn(former) == ""
}

// checkNew checks what is to be installed; panics with what refuses it.
func (s *session) checkNew(data []byte, blocks license.Blocks, path any, facts *host.Facts) *place.Checked {
	var notes []string
	if _, err := os.Lstat(s.place.License()); err == nil {
		notes = []string{note("The installed licence is unchanged: {path}.", "path", s.place.License())}
	}
	orRefuse := func(refused *problem.Problem) {
		if refused != nil {
			panic(refusedWith{refused, notes})
		}
	}
	known, refused := s.place.Known()
	orRefuse(refused)
	checked, refused := s.place.Check(data, facts, s.now, -1, known, asArgument(path))
	orRefuse(refused)
	all, refused := s.known()
	orRefuse(refused)
	report := checked.Report
	report.Problems = withBlocks(report.Problems, blocks, path, all)
	report.Notices = without(report.Notices, "memory-missing") // it is made by this very command
	if !report.OK() {
		panic(refusal{report: report, source: checked.Source, notes: notes})
	}
	return checked
}

// asArgument is what a command was given.
func asArgument(path any) *place.Source {
	named, _ := path.(string) // else it is standard input
	return &place.Source{Kind: "argument", Path: named}
}

// refuseIfKeptElsewhere panics where a licence that is written would not be in force, or not for
// long.
func (s *session) refuseIfKeptElsewhere() {
	path := s.place.License()
	if s.place.Source().Kind == "environment" {
		reason := problem.Because("The licence in the variable LICENSE is in force, and no file takes its place; "+
			"nothing was written to {path}.", "path", path)
		panic(usage(reason, "--help").Advised([]string{"set-in-environment"}, nil))
	}
	s.refuseInSecret("kept-by-kubernetes")
}

// refuseInSecret panics, with this advice, where a Secret of Kubernetes has the licence.
func (s *session) refuseInSecret(advice string) {
	if parts := s.place.SecretParts(); parts != nil {
		kept := problem.New("folder-not-writable", "folder", parts["folder"], "reason", "Kubernetes keeps what is in it")
		panic(kept.Advised([]string{advice}, parts))
	}
}

// presentReport is the check of the licence that is installed, and what that was taken from.
func presentReport(s *session, facts *host.Facts) (*license.Report, *place.Source) {
	data, refused := s.place.ReadLicense()
	if refused == nil {
		var checked *place.Checked
		if checked, refused = s.place.Check(data, facts, s.now, -1, nil, nil); refused == nil {
			return checked.Report, checked.Source
		}
	}
	return &license.Report{Now: s.now, Problems: []*problem.Problem{refused}}, nil
}

// taken is what goes with the installed licence, where that one holds.
func taken(present *license.Report, next *license.License) []problem.Notice {
	former := present.License
	if !present.OK() || former == nil || former.Jti == next.Jti {
		return nil
	}
	var warnings []problem.Notice
	if former.Replaces == next.Jti || next.Iat < former.Iat {
		warnings = append(warnings, problem.Remark("former-again",
			"number", next.Jti, "former", former.Jti, "issued_at", former.Iat))
	}
	if less := update.Taken(former, next); less != nil {
		warnings = append(warnings, problem.Remark("grants-less",
			"number", next.Jti, "former", former.Jti, "reason", less))
	}
	return warnings
}

// canBeAsked: a person is at a terminal; a script says beforehand that it agrees.
func (s *session) canBeAsked() bool { return !s.asJSON && s.columns[0] > 0 }

// isConfirmed asks a person, as often as the answer is none.
func (s *session) isConfirmed(question string) bool {
	s.flush()
	lines := bufio.NewReader(os.Stdin)
	for {
		writeFully(2, s.encoded(question+" [y/N]: "))
		line, err := lines.ReadString('\n')
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return true
		case "n", "no":
			return false
		case "":
			if err == nil {
				return false
			}
		}
		if err != nil {
			panic(endOfAnswers{})
		}
		writeFully(2, s.encoded(words.Tr("Error: invalid input"))+"\n")
	}
}

// endOfAnswers: whoever was asked has gone away.
type endOfAnswers struct{}

// known is what this host knows of the vendor's keys.
func (s *session) known() (*update.Known, *problem.Problem) {
	data, refused := s.place.Known()
	if refused != nil {
		return nil, refused
	}
	roots, refused := s.place.ReadRoots()
	if refused != nil {
		return nil, refused
	}
	settings, refused := s.place.ReadSettings()
	if refused != nil {
		return nil, refused
	}
	blocks, err := license.Unwrap(data)
	if err != nil || data == nil {
		blocks = license.Blocks{}
	}
	known := &update.Known{Blocks: blocks, Roots: roots, Needed: settings.RootsNeeded, KeysPath: s.place.Keys}
	if present := s.place.Installed(); present != nil {
		known.Number = present.Jti
	}
	return known, nil
}

// withBlocks is problems, and those of the blocks of the file that nothing was said of yet.
func withBlocks(problems []*problem.Problem, blocks license.Blocks, path any, known *update.Known) []*problem.Problem {
	told := map[string]bool{}
	for _, one := range problems {
		told[update.WhatIsWrong(one)] = true
	}
	for _, one := range update.Unusable(blocks, path, known) {
		if !told[update.WhatIsWrong(one)] {
			problems = append(problems, one)
		}
	}
	return problems
}

func (s *session) tell(checked *place.Checked, kept string, more []problem.Notice) {
	report := checked.Report
	if s.asJSON {
		answer := reportJSON(report, checked.Source, s.cli, more...)
		s.say(indented(append(answer, member{"installed", s.place.License()}, member{"former", orNull(kept)})))
		return
	}
	s.say(holdsLine(report.License, s.now))
	s.say(note("Installed as {path}.", "path", s.place.License()))
	if kept != "" {
		s.say(note("The previous licence was kept as {path}.", "path", kept))
	}
	s.remarkAll(report.Notices)
	s.remarkAll(more)
}

// readSource is the file in SOURCE as the vendor sent it, its path for messages, and what is to be
// said of what it had become. Only a revocation list may have more than a licence.
func readSource(s *session, source string) (data []byte, path any, remarks []problem.Notice) {
	path = source
	switch lower := strings.ToLower(source); {
	case source == "-":
		if s.isClosed[0] {
			panic(usage("Standard input is closed; cannot read a licence from it.", "--help"))
		}
		path = problem.Because("standard input")
		read, err := place.ReadAtMost(0, place.MaxRevocations+1, 0)
		if err != nil {
			panic(problem.New("file-unreadable", "path", path, "reason", place.Words(err)))
		}
		data = read
	case strings.HasPrefix(lower, "https://"), strings.HasPrefix(lower, "http://"):
		reason := problem.Because(words.IsURL, "source", source)
		panic(usage(reason, "install --help").Advised([]string{"get-the-file"}, nil))
	default:
		read, refused := place.Read(source, place.MaxRevocations)
		orRefuse(refused)
		if read == nil {
			panic(noSuchFile(source))
		}
		data = read
	}
	parcel := license.OpenParcel(data)
	data = parcel.Data
	if parcel.What != nil {
		remarks = append(remarks, problem.Remark("file-unwrapped", "reason", *parcel.What))
	}
	if len(data) <= license.MaxMended && license.IsHidden(data) {
		panic(problem.New("license-damaged", "reason", problem.Because(hidden)))
	}
	most := place.MaxFile
	if strings.Contains(string(data), "LICENSE REVOCATIONS") {
		most = place.MaxRevocations
	}
	if len(data) > most {
		if source == "-" {
			path = problem.Because("Standard input")
		}
		tooLarge := place.TooLarge(path, int64(len(data)), most, data)
		if other := license.OfAnotherProgram(data); other != nil {
			tooLarge.Advised(other.Advice, other.More)
		}
		panic(tooLarge)
	}
	return data, path, remarks
}
