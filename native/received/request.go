// Package received reads what an operator sent to a vendor: a request, or the host key line, in
// whatever mail and chat made of it (SPEC section 4.4). No client needs it.
package received

import (
	"unicode/utf8"

	"hostseal/host"
	"hostseal/license"
	"hostseal/problem"
)

// maxText is the most characters that are looked at.
const maxText = 64 << 10

// Request finds the request in what a person pasted: a request block, else the bare line.
func Request(text string) (*license.Request, *problem.Problem) {
	size := utf8.RuneCountInString(text)
	if size > maxText {
		return nil, unreadable(size, problem.Because(
			"it is longer than {most:# character|# characters}", "most", maxText))
	}
	blocks, err := license.UnwrapPasted(text)
	if err != nil {
		return nil, damaged(license.ReasonOf(err))
	}
	tokens := blocks[license.RequestLabel]
	if tokens == nil && blocks[license.LicenseLabel] != nil {
		// Its words for people name the host that it is for, and are no request of that host.
		return nil, unreadable(size, "this is a licence, not a request")
	}
	found := map[string]*license.Request{}
	var last *license.Request
	for _, token := range tokens {
		request, err := license.OpenRequest(token)
		if err != nil {
			return nil, damaged(license.ReasonOf(err))
		}
		found[request.Key], last = request, request
	}
	switch {
	case last == nil:
		return bareLine(text, size, blocks[license.ReturnLabel] != nil)
	case len(found) > 1:
		return nil, problem.New("request-ambiguous", "count", len(found))
	}
	return last, nil
}

func unreadable(size int, reason any) *problem.Problem {
	return problem.New("request-unreadable", "size", size, "reason", reason)
}

func damaged(reason any) *problem.Problem {
	return problem.New("request-damaged", "reason", reason)
}

// bareLine is the host key line in a text; several of one key are one.
func bareLine(text string, size int, isReturn bool) (*license.Request, *problem.Problem) {
	lines, doubtful, doubt := readLines(text)
	keys := map[string]bool{}
	for _, line := range lines {
		if !line.fits() {
			return nil, damaged(problem.Because(
				"the check code {check} does not match the host key and hostname, "+
					"so at least one character is wrong", "check", line.check))
		}
		keys[line.key] = true
	}
	if len(keys) == 0 && isReturn {
		return nil, unreadable(size, problem.Because("this is the text of a licence that was given back, not a request"))
	}
	if len(keys) == 0 && doubt == "" {
		return nil, unreadable(size, noKey(text))
	}
	if len(keys) == 0 {
		return nil, unreadable(size, problem.Because(doubt))
	}
	for _, key := range doubtful {
		keys[key] = true
	}
	if len(keys) > 1 {
		return nil, problem.New("request-ambiguous", "count", len(keys))
	}
	request := &license.Request{Key: lines[0].key, Profile: host.DefaultProfile}
	for _, line := range lines {
		if line.name != "" {
			request.Name = line.name
		}
		if line.profile != host.DefaultProfile {
			request.Profile = line.profile
		}
	}
	return request, nil
}

func noKey(text string) problem.Reason {
	longest, run := 0, 0
	for _, one := range text {
		run++
		if !isHex(one) {
			run = 0
		}
		if run > longest {
			longest = run
		}
	}
	return problem.Because("a host key has 40 hexadecimal digits; the longest run here has {count}",
		"count", longest)
}
