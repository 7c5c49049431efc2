package command

import (
	"strings"

	"hostseal/license"
	"hostseal/place"
	"hostseal/problem"
	"hostseal/words"
)

var letters = map[string]string{"note": "N", "warning": "W", "detail": " "}

// noticeLines are "[W]:" or "[N]:", then the remedy.
func noticeLines(notice problem.Notice, cli string) []string {
	line := "[" + letters[notice.Level()] + "]: " + notice.Say(words.Tr)
	return append([]string{line}, belowIt(notice.Remedy(cli, words.Tr))...)
}

// problemLines are "[E]:", what is known of why, then the remedies.
func problemLines(refused *problem.Problem, cli string) []string {
	lines := []string{"[E]: " + refused.Say(words.Tr)}
	details, _ := refused.Values["details"].([]problem.Notice)
	for _, detail := range details {
		lines = append(lines, indent+detail.Say(words.Tr))
		lines = append(lines, belowIt(detail.Remedy(cli, words.Tr))...)
	}
	return append(lines, belowIt(refused.Remedy(cli, words.Tr))...)
}

func belowIt(text string) []string {
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = indent + lines[i]
	}
	return lines
}

// note is "[N]:" and text in the operator's language, with its facts.
func note(text string, namesAndValues ...any) string { return "[N]: " + said(text, namesAndValues...) }

// holdsLine is "[N]:" for a licence that is valid.
func holdsLine(of *license.License, now int64) string {
	return note(
		"Licence {number} for {customer} (product {product}) is valid {until}.",
		"number", problem.Printable(of.Jti),
		"customer", problem.Printable(of.Sub),
		"product", problem.Printable(of.Aud),
		"until", until(of, now),
	)
}

const day = 86400

// until is until when a licence is valid, in words.
func until(of *license.License, now int64) string {
	if of.Exp == nil {
		return words.Tr("with no expiry date")
	}
	end, text := *of.Exp, "until {end} ({days:less than a day|# day|# days} left)"
	if of.GraceUntil != nil && now >= end {
		end = *of.GraceUntil
		text = "in its grace period, until {end} ({days:less than a day|# day|# days} left)"
	}
	return said(text, "end", problem.UTC(end), "days", days(end-now))
}

func days(seconds int64) int64 {
	if seconds < 0 {
		return 0
	}
	return seconds / day
}

// trustWords are with which keys a licence was verified, and how old the knowledge of what was
// revoked is.
func trustWords(report *license.Report) string {
	if report.Trust == nil {
		return words.Tr("The signature could not be verified.")
	}
	facts := []any{"keyset", report.Trust.Keyset.Version, "roots", report.Trust.RootsVersion}
	listed := report.Revocations
	if listed == nil {
		return said("Keyset {keyset}, roots {roots}; no revocation list.", facts...)
	}
	facts = append(facts, "number", listed.Number, "days", days(report.Now-listed.Iat))
	return said("Keyset {keyset}, roots {roots}; "+
		"revocation list {number}, {days:less than a day|# day|# days} old.", facts...)
}

// sourceWords are what a licence was taken from.
func sourceWords(source *place.Source) string {
	switch {
	case source.Path == "" && source.Kind == "environment":
		return "LICENSE"
	case source.Path == "":
		return words.Tr("standard input")
	case source.Kind == "file":
		return problem.Printable(source.Path) + " (LICENSE_FILE)"
	}
	return problem.Printable(source.Path)
}

// reportJSON is a report as support and scripts read it (SPEC section 9.2).
func reportJSON(report *license.Report, source *place.Source, cli string, more ...problem.Notice) object {
	answer := object{
		{"ok", report.OK()},
		{"exit_code", report.ExitCode()},
		{"checked_at", report.Now},
		{"problems", problemsJSON(report.Problems, cli)},
		{"notices", noticesJSON(append(append([]problem.Notice(nil), report.Notices...), more...), cli)},
		{"license", nil},
		{"host", nil},
		{"keyset_version", nil},
		{"roots_version", nil},
		{"revocations", nil},
		{"source", nil},
	}
	if source != nil {
		answer[10].value = object{{"kind", source.Kind}, {"path", orNull(source.Path)}}
	}
	if report.License != nil {
		answer[5].value = report.License.Claims()
	}
	if of := report.Host; of != nil {
		answer[6].value = object{{"key", of.Key}, {"hostname", orNull(of.Hostname)}, {"profile", of.Profile}}
	}
	if report.Trust != nil {
		answer[7].value = report.Trust.Keyset.Version
		answer[8].value = report.Trust.RootsVersion
	}
	if of := report.Revocations; of != nil {
		answer[9].value = object{{"number", of.Number}, {"iat", of.Iat}, {"exp", maybe(of.Exp)}}
	}
	return answer
}

func problemsJSON(problems []*problem.Problem, cli string) []object {
	list := make([]object, len(problems))
	for i, one := range problems {
		list[i] = problemJSON(one, cli)
	}
	return list
}

// problemJSON is a problem with its stable names, its words and its facts.
func problemJSON(of *problem.Problem, cli string) object {
	return object{
		{"slug", of.Slug},
		{"exit_code", of.ExitCode()},
		{"title", of.Title()},
		{"sentence", of.Say(problem.English)},
		{"remedy", of.Remedy(cli, problem.English)},
		{"facts", factsJSON(&of.Worded, cli)},
	}
}

func noticesJSON(notices []problem.Notice, cli string) []object {
	list := make([]object, len(notices))
	for i := range notices {
		list[i] = noticeJSON(notices[i], cli)
	}
	return list
}

// noticeJSON is a notice with its stable name, its words and its facts.
func noticeJSON(of problem.Notice, cli string) object {
	return object{
		{"slug", of.Slug},
		{"level", of.Level()},
		{"sentence", of.Say(problem.English)},
		{"remedy", of.Remedy(cli, problem.English)},
		{"facts", factsJSON(&of.Worded, cli)},
	}
}

// factsJSON are the facts in their order.
func factsJSON(of *problem.Worded, cli string) object {
	facts := object{}
	for _, name := range of.Names() {
		value := of.Values[name]
		switch v := value.(type) {
		case []problem.Notice:
			value = noticesJSON(v, cli)
		case problem.Reason:
			value = v.String()
		}
		facts = append(facts, member{name, value})
	}
	return facts
}

// reasonOf is why something failed: a Reason where err is one, so that it can be translated.
func reasonOf(err error) any {
	if reason, ok := err.(problem.Reason); ok {
		return reason
	}
	return wordsOf(err)
}
