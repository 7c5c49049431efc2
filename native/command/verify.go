package command

import (
	"strings"

	"hostseal/host"
	"hostseal/license"
	"hostseal/place"
	"hostseal/problem"
	"hostseal/words"
)

// verify tells whether the product may run; start.sh calls it.
func verify(s *session, of parsed) int {
	data, refused := s.place.ReadLicense()
	orRefuse(refused)
	var facts host.Facts
	look := func() *place.Checked {
		facts = s.facts()
		checked, refused := s.place.Check(data, &facts, s.now, of.number("--warn-days", -1), nil, nil)
		orRefuse(refused)
		return checked
	}
	checked := look()
	if patience := of.number("--wait-network", 0); patience > 0 {
		checked = s.untilUp(look, checked, &facts, patience)
	}
	before, _ := s.place.ReadMemory(&facts)
	report := checked.Report
	var notices []problem.Notice
	if report.License != nil {
		if unkept := s.place.KeepAll(before, checked, &facts); unkept != nil {
			notices = append(notices, *unkept)
		}
	}
	var comparison *license.Comparison
	if of.has("--explain") && report.License != nil {
		issued := host.AsIssued(facts, report.License.Iat)
		found := license.Compare(&report.License.Host, &issued, before)
		comparison = &found
	}
	requireFeatures(report, of.values["--require"])
	if !report.OK() {
		panic(refusal{report: report, source: checked.Source, comparison: comparison})
	}
	if notices != nil { // it says as well that there is nothing from before
		report.Notices = without(report.Notices, "memory-missing")
	}
	if s.asJSON {
		s.say(indented(append(reportJSON(report, checked.Source, s.cli, notices...), comparisonJSON(comparison)...)))
		return 0
	}
	isQuiet := of.has("--quiet")
	if !isQuiet {
		s.say(holdsLine(report.License, s.now))
		if report.Revocations != nil || report.Trust.RootsVersion > 0 {
			s.say("[N]: " + trustWords(report))
		}
	}
	for _, line := range comparisonLines(comparison) {
		s.say(line)
	}
	// That nothing is to be remembered is the operator's own word: doctor says it again.
	for _, notice := range without(append(report.Notices, notices...), "memory-off") {
		if !isQuiet || notice.Level() == "warning" {
			s.remark(noticeLines(notice, s.cli)...)
		}
	}
	return 0
}

// without is notices but those of a slug.
func without(notices []problem.Notice, slug string) []problem.Notice {
	var kept []problem.Notice
	for _, notice := range notices {
		if notice.Slug != slug {
			kept = append(kept, notice)
		}
	}
	return kept
}

// requireFeatures adds a problem for each feature that the licence does not include.
func requireFeatures(report *license.Report, features []string) {
	if !report.OK() {
		return
	}
	for _, feature := range features {
		if contains(report.License.Features, feature) {
			continue
		}
		var licensed any = problem.Because("none")
		if len(report.License.Features) > 0 {
			licensed = strings.Join(report.License.Features, ", ")
		}
		report.Problems = append(report.Problems, problem.New("feature-not-licensed",
			"number", report.License.Jti, "feature", feature, "licensed", licensed))
	}
}

var verdicts = map[string]string{"same": "same", "differs": "DIFFERS", "unknown": "unknown"}

var evidences = map[string]string{
	"key":    "The host keys are identical, so every part is the same.",
	"memory": "Source: the state file of this host, which was the licensed one.",
	"tags":   "Source: the host tags in the licence, which tell what differs but not what it was.",
	"none":   "The licence was ordered with the host key line only, which carries no host tags.",
}

// comparisonLines are the licensed host beside this one, for people. Ids are compared, not shown.
func comparisonLines(of *license.Comparison) []string {
	if of == nil {
		return nil
	}
	lines := []string{note("The licensed host compared with this one:")}
	isAlike := true
	for _, part := range of.Components {
		isAlike = isAlike && part.Verdict == license.Same
		verdict := verdicts[part.Verdict]
		if part.Name == license.Machine && part.Verdict == license.Differs {
			verdict = "not on the roster"
		}
		text := padded(words.Tr(verdict), 16)
		if part.IsShown() && part.Verdict == "same" {
			text += valueWords(part.Present)
		} else if part.IsShown() {
			text += said("{value} here", "value", valueWords(part.Present))
			if of.Evidence == "memory" {
				text += said(", {value} when ordered", "value", valueWords(part.Licensed))
			}
		}
		lines = append(lines, strings.TrimRight(indent+padded(part.Name, 14)+text, " "))
	}
	if isAlike || of.Evidence != "key" {
		lines = append(lines, indent+words.Tr(evidences[of.Evidence]))
	}
	return lines
}

func valueWords(value *string) string {
	if value == nil {
		return words.Tr("(none)")
	}
	return problem.Printable(*value)
}

// comparisonJSON is the member "explanation" of an answer, where there is one.
func comparisonJSON(of *license.Comparison) object {
	if of == nil {
		return nil
	}
	components := []object{}
	for _, part := range of.Components {
		one := object{{"name", part.Name}, {"verdict", part.Verdict}}
		if part.IsShown() {
			one = append(one, member{"present", textOrNull(part.Present)}, member{"licensed", textOrNull(part.Licensed)})
		} else {
			one = append(one, member{"known", part.Present != nil})
		}
		components = append(components, one)
	}
	return object{{"explanation", object{{"evidence", of.Evidence}, {"components", components}}}}
}

func textOrNull(value *string) any {
	if value == nil {
		return nil
	}
	return *value
}
