package host

import (
	"bytes"
	"strings"
)

const (
	// SiteName is the name of a site file.
	SiteName = "license.site"
	// MostMachines is how many machines a roster may have.
	MostMachines = 256

	siteHead = "hostseal-site 1"
)

// A SiteFile is what such a file says: an identity that is drawn once, and the roster of the machines
// of the site (SPEC section 3.9).
type SiteFile struct {
	Identity string
	Machines []Machine
}

// A Machine is one on a roster. The name is for people.
type Machine struct{ Tag, Name string }

// ReadSite is the site in a file, read as any file of a host is; what is wrong with it, where it is none.
func ReadSite(path string) (site SiteFile, wrong string) {
	data, _ := read(path) // what cannot be read is empty
	return ParseSite(data)
}

// ParseSite is what a site file says, or what is wrong with it.
func ParseSite(data []byte) (site SiteFile, wrong string) {
	var lines [][]string
	for _, line := range bytes.Split(data, []byte("\n")) {
		if of := strings.FieldsFunc(string(line), isASCIISpace); len(of) > 0 {
			lines = append(lines, of)
		}
	}
	if len(lines) == 0 || strings.Join(lines[0], " ") != siteHead {
		return site, "it does not begin with `hostseal-site 1`"
	}
	if len(lines) < 2 || len(lines[1]) > 1 || !isDigits(lines[1][0], siteDigits) {
		return site, "its second line is not 64 hexadecimal digits"
	}
	seen := map[string]bool{}
	for _, of := range lines[2:] {
		if !isDigits(of[0], tagDigits) {
			return site, "a machine's line does not begin with 16 hexadecimal digits"
		}
		seen[of[0]] = true
		site.Machines = append(site.Machines, Machine{of[0], decoded([]byte(strings.Join(of[1:], " ")))})
	}
	if count := len(site.Machines); count < 1 || count > MostMachines || len(seen) < count {
		return site, "it does not list 1 to 256 different machines"
	}
	site.Identity = lines[1][0]
	return site, ""
}

// Dump has the bytes of the file.
func (s *SiteFile) Dump() []byte {
	text := siteHead + "\n" + s.Identity + "\n"
	for _, one := range s.Machines {
		text += strings.TrimRight(one.Tag+" "+one.Name, " ") + "\n"
	}
	return []byte(text)
}

// Roster are the tags, with commas between: the component of the host key.
func (s *SiteFile) Roster() string {
	tags := make([]string, len(s.Machines))
	for at, one := range s.Machines {
		tags[at] = one.Tag
	}
	return strings.Join(tags, ",")
}

// Add puts a machine at the end of the roster, unless it is on it.
func (s *SiteFile) Add(machineID, name string) {
	tag := MachineTag(s.Identity, machineID)
	for _, one := range s.Machines {
		if one.Tag == tag {
			return
		}
	}
	s.Machines = append(s.Machines, Machine{tag, name})
}

// IsMachineID tells whether text is one, as a machine has it.
func IsMachineID(text string) bool {
	const digits = 32
	return isDigits(text, digits) && strings.Trim(text, "0") != ""
}
