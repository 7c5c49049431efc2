package command

import (
	"strings"

	"hostseal/host"
	"hostseal/license"
	"hostseal/problem"
	"hostseal/words"
)

// getHostKey prints the line that an operator sends to the vendor.
func getHostKey(s *session, of parsed) int {
	s.needReader()
	facts := s.facts()
	order := s.order(&facts, of.text("--profile"))
	s.rememberHost(&facts, order.profile)
	check := ""
	if of.has("--check") {
		code, ok := order.key.CheckCode()
		if !ok {
			panic(usage(said(words.NoCheckCode, "hostname", order.key.Hostname), "get_host_key --help"))
		}
		check = code
	}
	if s.asJSON {
		answer := object{
			{"host_key", order.key.Key},
			{"hostname", orNull(order.key.Hostname)},
			{"profile", order.key.Profile},
		}
		if check != "" {
			answer = append(answer, member{"check", check})
		}
		if of.has("--phone") {
			answer = append(answer, member{"telephone_code", strings.Join(order.key.TelephoneCode(), " ")})
		}
		s.say(indented(append(answer, member{"notices", noticesJSON(order.notices, s.cli)})))
		return 0
	}
	isShown := of.has("--qr")
	if isShown { // above it, or they would move it off the screen
		s.remarkAll(order.notices)
	}
	if of.has("--phone") {
		s.sayToRead(&order.key)
	}
	if isShown {
		var texts []string
		if url := of.text("--to"); url != "" {
			texts = append(texts, link(url, order.key.Line(check)))
		}
		s.showCode(append(texts, order.key.Line(check)), of.has("--inverse"))
		return 0
	}
	if !of.has("--phone") {
		s.say(order.key.Line(check))
	}
	s.remarkAll(order.notices)
	return 0
}

// sayToRead says the telephone code, and the hostname as the host key line has it.
func (s *session) sayToRead(key *host.Key) {
	for _, line := range key.TelephoneCode() {
		s.say(line)
	}
	if name := key.QuotedHostname(); name != "" {
		s.say(name)
	}
	s.remark(note("Read the groups to your vendor in their order, then spell the hostname. Each group has a " +
		"check of its own: a wrong one is noticed, and read again alone."))
}

func (s *session) remarkAll(notices []problem.Notice) {
	for _, notice := range notices {
		s.remark(noticeLines(notice, s.cli)...)
	}
}

// An order is what is sent to the vendor of a host.
type order struct {
	key     host.Key
	profile string
	// present is the licence that is installed; nil: there is none that can be verified.
	present *license.License
	notices []problem.Notice
}

// order is that of this host under the profile that was named, else that of the installed licence,
// else hk1: a profile is one thing from the first line to the last renewal.
func (s *session) order(facts *host.Facts, named string) order {
	made := order{profile: named}
	if s.place.MayBeInstalled() { // without a licence nothing is verified
		made.present = s.place.Installed()
	}
	if named == "" {
		made.notices = s.place.Unread(host.DefaultProfile)
		made.profile = host.DefaultProfile
		if made.present != nil {
			made.profile = made.present.Host.Profile
		}
	}
	orRefuse(host.CheckPinned(facts, made.profile))
	key, refused := host.Derive(facts, made.profile)
	orRefuse(refused)
	made.key = key
	made.notices = append(made.notices, host.Notices(facts, made.profile)...)
	made.notices = append(made.notices, host.Proposals(facts, made.profile)...)
	return made
}

// rememberHost remembers what the key was made of: if it changes, verify can then say what changed.
func (s *session) rememberHost(facts *host.Facts, profile string) {
	before, _ := s.place.ReadMemory(facts)
	after := license.Memory{Profile: profile, Authentic: true}
	if before != nil {
		after = *before
	}
	s.place.Keep(before, after.RememberHost(facts), facts)
}
