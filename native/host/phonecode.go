package host

import (
	"fmt"
	"strconv"
	"strings"
)

// A telephone code is a host key as it is read aloud (SPEC section 4.5).

const (
	phoneGroups = 11
	phoneALine  = 4
	phonePrime  = 1<<16 + 1
)

// TelephoneCode is the key as eleven groups of six digits, on three lines. Each group tells by itself
// one wrong digit and two neighbours that were exchanged.
func (k *Key) TelephoneCode() []string {
	sum := int64(0)
	for at, profile := range Profiles {
		if profile == k.Profile {
			sum = int64(at)
		}
	}
	var groups, lines []string
	for at := 0; at < keyDigits; at += 4 {
		word, _ := strconv.ParseInt(k.Key[at:at+4], 16, 64)
		sum = (sum*checkBase + word) % phonePrime
		groups = append(groups, fmt.Sprintf("%06d", word*phoneGroups+int64(at/4)+1))
	}
	groups = append(groups, fmt.Sprintf("%06d", sum*phoneGroups))
	for at := 0; at < phoneGroups; at += phoneALine {
		end := at + phoneALine
		if end > phoneGroups {
			end = phoneGroups
		}
		lines = append(lines, strings.Join(groups[at:end], " "))
	}
	return lines
}

// QuotedHostname is the hostname as the bare line has it; empty: there is none.
func (k *Key) QuotedHostname() string {
	if k.Hostname == "" {
		return ""
	}
	return quote(k.Hostname)
}
