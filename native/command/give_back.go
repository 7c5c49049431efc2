package command

import (
	"os"

	"hostseal/host"
	"hostseal/license"
	"hostseal/place"
	"hostseal/problem"
	"hostseal/words"
)

const unremoved = "Nothing was removed: without a terminal nobody can be asked. To give the licence back, add --yes."

// giveBack removes the licence, and prints the text by which the vendor ends it.
func giveBack(s *session, of parsed) int {
	if !of.has("--output") {
		s.needReader()
	}
	returned := s.place.ReadReturned()
	_, err := os.Stat(s.place.License())
	if isGone := s.place.Source().Data == nil && err != nil; returned != nil && isGone {
		s.forget(returned)
		s.tellReturned(returned, of, nil, nil)
		return 0
	}
	facts := s.facts()
	data, refused := s.place.ReadLicense()
	orRefuse(refused)
	given, refused := s.place.Open(data)
	orRefuse(refused)
	before, _ := s.place.ReadMemory(&facts)
	s.refuseOfAnotherHost(given, &facts, before)
	s.refuseWhereItCannotGo()
	if !of.has("--yes") && !s.mayGo(given) {
		s.remark(note("Nothing was removed."))
		return interrupted
	}
	if returned == nil || returned.Number != given.Jti {
		secrets, refused := s.place.ReadSecrets()
		orRefuse(refused)
		returned = &license.Returned{Number: given.Jti, Iat: s.now, Secret: secrets.Fitting(given.Host.ReturnDigest)}
		_, refused = place.ReplaceAll(place.Replacement{
			Path: s.place.Returned(), Data: []byte(returned.Text()), Private: true})
		orRefuse(refused)
	}
	older, removed := s.olderLicense(), []string{s.place.License()}
	if older != nil {
		removed = append([]string{s.place.License() + place.Former}, removed...)
	}
	after := license.Memory{Profile: given.Host.Profile, Authentic: true}
	if before != nil {
		after = *before
	}
	unkept := s.place.Keep(before, after.GiveBack(given, older), &facts)
	orRefuse(place.RemoveAll(removed...))
	s.forget(returned)
	var notices []problem.Notice
	if s.place.ForgetsAll {
		notices = append(notices, problem.Remark("memory-off"))
	}
	if unkept != nil {
		notices = append(notices, *unkept)
	}
	s.tellReturned(returned, of, removed, notices)
	return 0
}

func (s *session) forget(returned *license.Returned) {
	if returned.Secret != nil {
		orRefuse(s.place.Spend(returned.Secret))
	}
}

// refuseOfAnotherHost panics where the licence is not for this host: its own may use it still.
func (s *session) refuseOfAnotherHost(given *license.License, facts *host.Facts, before *license.Memory) {
	report := license.JudgeHost(given, facts, before)
	if len(report.Problems) > 0 {
		refused := &license.Report{Now: s.now, Problems: report.Problems}
		panic(refusal{report: refused})
	}
}

// refuseWhereItCannotGo panics where the file cannot be removed, before anything says that it was.
func (s *session) refuseWhereItCannotGo() {
	if s.place.Source().Kind == "environment" {
		reason := problem.Because("The licence is in the variable LICENSE; no command can remove it.")
		panic(usage(reason, "--help").Advised([]string{"unset-to-return"}, nil))
	}
	s.refuseInSecret("secret-to-return")
	orRefuse(place.CheckRemovable(s.place.License()))
}

// mayGo: the person at the terminal agrees.
func (s *session) mayGo(given *license.License) bool {
	if !s.canBeAsked() {
		panic(usage(problem.Because(unremoved), "return --help"))
	}
	return s.isConfirmed(said(words.Tr("Give licence {number} back? The product will not start here afterwards."),
		"number", problem.Printable(given.Jti)))
}

// olderLicense is the one that was in force before, which is kept beside it; nil: there is none.
func (s *session) olderLicense() *license.License {
	data, refused := place.Read(place.Real(s.place.License())+place.Former, place.MaxFile)
	if refused != nil || data == nil || license.LicenseIn(data) == "" {
		return nil
	}
	older, _ := s.place.Open(data)
	return older
}

func (s *session) tellReturned(
	returned *license.Returned, of parsed, removed []string, notices []problem.Notice,
) {
	text, path := returned.Text(), of.text("--output")
	if of.has("--output") {
		orRefuse(place.WriteNew(path, []byte(text)))
	}
	if s.asJSON {
		paths := make([]any, len(removed))
		for at, one := range removed {
			paths[at] = one
		}
		s.say(indented(object{
			{"number", returned.Number}, {"returned_at", returned.Iat},
			{"evidence", returned.Secret != nil}, {"removed", paths}, {"text", text},
			{"notices", noticesJSON(notices, s.cli)},
		}))
		return
	}
	if !of.has("--output") {
		s.say(text[:len(text)-1])
	}
	var lines []string
	for _, one := range removed {
		lines = append(lines, note("Removed: {path}.", "path", one))
	}
	if removed == nil {
		lines = append(lines, note("Licence {number} was given back here already.", "number", returned.Number))
	}
	if of.has("--output") {
		lines = append(lines, note("Return text written to {path}; send it to your vendor.", "path", path))
	}
	if returned.Secret == nil {
		lines = append(lines, note("This licence names no secret of this host, so the text says it was given back "+
			"and proves nothing."))
	}
	s.remark(lines...)
	s.remarkAll(notices)
}
