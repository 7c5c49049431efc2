package command

import (
	"strconv"
	"strings"

	"hostseal/license"
	"hostseal/place"
	"hostseal/problem"
	"hostseal/words"
)

// show prints what is signed in a licence file.
func show(s *session, of parsed) int {
	s.needReader()
	var data []byte
	var refused *problem.Problem
	var source *place.Source
	if len(of.arguments) == 0 {
		data, refused = s.place.ReadLicense()
	} else if data, refused = place.Read(of.arguments[0], place.MaxFile); data == nil && refused == nil {
		refused = noSuchFile(of.arguments[0])
	}
	orRefuse(refused)
	if len(of.arguments) > 0 {
		source = &place.Source{Kind: "argument", Path: of.arguments[0]}
	}
	facts := s.facts()
	checked, refused := s.place.Check(data, &facts, s.now, -1, nil, source)
	orRefuse(refused)
	report := checked.Report
	if report.License == nil { // its signature does not hold
		panic(report.Problems[0])
	}
	if s.asJSON {
		s.say(indented(reportJSON(report, checked.Source, s.cli)))
		return 0
	}
	row := func(name, value string) {
		if value != "" {
			s.say(padded(words.Tr(name), 12) + value)
		}
	}
	showLicense(row, report.License)
	row("Source", sourceWords(checked.Source))
	row("Trust", trustWords(report))
	row("Here", here(report, s.now))
	return 0
}

func noSuchFile(path string) *problem.Problem {
	return problem.New("file-unreadable", "path", path, "reason", "there is no such file")
}

func here(report *license.Report, now int64) string {
	if report.OK() {
		return said("valid {until}", "until", until(report.License, now))
	}
	var titles []string
	for _, one := range report.Problems {
		titles = append(titles, words.Tr(one.Title()))
	}
	return said("not valid: {titles}", "titles", strings.Join(titles, words.Tr("; ")))
}

func showLicense(row func(name, value string), of *license.License) {
	text := func(name, value string) { row(name, problem.Printable(value)) }
	instant := func(name string, at *int64) {
		if at != nil {
			row(name, problem.UTC(*at))
		}
	}
	text("Licence", of.Jti)
	text("Replaces", of.Replaces)
	text("Vendor", of.Iss)
	text("Customer", of.Sub)
	text("Product", of.Aud)
	text("Edition", of.Edition)
	row("Features", strings.Join(of.Features, ", "))
	var limits []string
	for _, name := range of.LimitNames {
		limits = append(limits, name+" "+strconv.FormatInt(of.Limits[name], 10))
	}
	row("Limits", strings.Join(limits, ", "))
	name := of.Host.Name
	if name == "" {
		name = "unnamed"
	}
	row("Host", of.Host.Key+" ("+problem.Printable(name)+"), "+of.Host.Profile+", "+of.Host.Match)
	instant("Issued", &of.Iat)
	instant("Valid from", &of.Nbf)
	if of.Exp == nil {
		row("Expires", words.Tr("never"))
	}
	instant("Expires", of.Exp)
	instant("Warns from", of.NotifyFrom)
	instant("Grace until", of.GraceUntil)
	instant("Maintenance", of.MaintenanceUntil)
}
