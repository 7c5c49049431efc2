package command

import (
	"strings"
	"syscall"
	"time"

	"hostseal/host"
	"hostseal/place"
)

// pause is how long nothing is heard of the network before it is looked at again.
const pause = time.Second

// untilUp is what look sees: what was seen where that is valid or no network could make it so. Else
// again whenever the network changes, for at most so many seconds.
func (s *session) untilUp(look func() *place.Checked, seen *place.Checked, facts *host.Facts, seconds int) *place.Checked {
	if !mayBecomeValid(facts, seen) {
		return seen
	}
	text := "The network is not up yet; waiting for at most {seconds:# second|# seconds}."
	s.remark(note(text, "seconds", seconds))
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	listening, err := host.WatchNetwork()
	if err != nil {
		listening = -1 // a sandbox that forbids it: looked at every second
	} else {
		defer syscall.Close(listening)
	}
	seen = look() // what changed before somebody listened
	for mayBecomeValid(facts, seen) && time.Now().Before(end) {
		wait := time.Until(end)
		if wait > pause {
			wait = pause
		}
		host.WaitForNetwork(listening, wait)
		seen = look()
	}
	return seen
}

// mayBecomeValid: nothing but the host is wrong, while it has no IPv4 default route of its own.
func mayBecomeValid(facts *host.Facts, seen *place.Checked) bool {
	for _, one := range seen.Report.Problems {
		if one.Slug != "wrong-host" && one.Slug != "pinned-address-differs" {
			return false
		}
	}
	return !seen.Report.OK() && facts.Root == "/" && (strings.Contains(facts.IP, ":") || facts.IP == "" || !host.IsRouted(facts))
}
