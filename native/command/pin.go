package command

import (
	"os"

	"hostseal/host"
	"hostseal/place"
	"hostseal/problem"
)

// pin declares that this host keeps its address; what LICENSE_PINNED_IP does at a start.
func pin(s *session, of parsed) int {
	typed := of.arguments[0]
	// What was declared before is replaced, and need not be readable.
	facts, refused := s.place.FactsDeclaring(typed, os.LookupEnv)
	orRefuse(refused)
	declared := facts.PinnedIP
	if declared == "" {
		panic(problem.New("pinned-address-invalid", "pinned", typed))
	}
	orRefuse(host.CheckPinned(&facts, host.DefaultProfile))
	path := s.place.Pin()
	_, refused = place.ReplaceAll(place.Replacement{Path: path, Data: []byte(declared + "\n")})
	orRefuse(refused)
	if s.asJSON {
		s.say(indented(object{{"pinned_ip", declared}, {"path", path}}))
		return 0
	}
	s.say(note("This host is declared to keep the address {ip} ({path}).", "ip", declared, "path", path))
	if os.Getenv(host.PinnedIP) != "" {
		s.remark(note("LICENSE_PINNED_IP is set here, and counts before it."))
	}
	return 0
}
