package command

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"hostseal/host"
	"hostseal/place"
	"hostseal/problem"
	"hostseal/words"
)

const (
	identityOctets = 32
)

// site draws the identity of a site, and puts machines on its roster (SPEC section 3.9).
func site(s *session, of parsed) int {
	facts := s.facts()
	if !strings.HasPrefix(facts.SiteFile, "/") {
		panic(host.NoSite(&facts))
	}
	path := s.place.OnHost(facts.SiteFile)
	action, ids := of.arguments[0], of.arguments[1:]
	if action == "show" {
		s.showSite(&facts, presentSite(&facts, path), path)
		return 0
	}
	for at := range ids {
		ids[at] = strings.ToLower(ids[at])
		if !host.IsMachineID(ids[at]) {
			panic(usage(problem.Because(
				"{word} is not a machine id: that has 32 hexadecimal digits.", "word", ids[at]), "site --help"))
		}
	}
	found := s.changedSite(&facts, path, action == "init", ids)
	facts = s.facts()
	s.showSite(&facts, found, path)
	return 0
}

// changedSite is the site in path, drawn or found there, with these machines; it is written.
func (s *session) changedSite(facts *host.Facts, path string, isNew bool, ids []string) host.SiteFile {
	defer alone(filepath.Dir(path))()
	var found host.SiteFile
	if !isNew {
		found = presentSite(facts, path)
	} else if _, err := os.Lstat(path); err == nil {
		panic(problem.New("site-exists", "path", path))
	} else {
		found.Identity = drawnIdentity()
	}
	if isNew || len(ids) == 0 {
		orRefuse(host.CheckOwnMachineID(facts))
		ids = append([]string{facts.MachineID}, ids...)
	}
	for _, id := range ids {
		name := ""
		if id == facts.MachineID && facts.Engine == "" {
			name = strings.Join(strings.Fields(problem.Printable(facts.Hostname)), " ")
		}
		found.Add(id, name)
	}
	if len(found.Machines) > host.MostMachines {
		panic(usage(problem.Because("A site has at most {most} machines.", "most", host.MostMachines), "site --help"))
	}
	_, refused := place.ReplaceAll(place.Replacement{Path: path, Data: found.Dump()})
	orRefuse(refused)
	return found
}

// alone waits until nobody else changes a site in folder, where the file system can tell; what lets
// the others go on.
func alone(folder string) (end func()) {
	fd, err := syscall.Open(folder, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil { // writing says why
		return func() {}
	}
	for syscall.Flock(fd, syscall.LOCK_EX) == syscall.EINTR {
	}
	return func() { syscall.Close(fd) }
}

func drawnIdentity() string {
	octets := make([]byte, identityOctets)
	if _, err := rand.Read(octets); err != nil {
		panic(problem.New("internal-error", "reason", err.Error()))
	}
	return hex.EncodeToString(octets)
}

// presentSite is the site in path as it is now: another may have added a machine since the host was
// read.
func presentSite(facts *host.Facts, path string) host.SiteFile {
	if facts.Site == "" {
		panic(host.NoSite(facts))
	}
	found, wrong := host.ReadSite(path)
	if wrong != "" {
		why := problem.Because("{path} is damaged: {reason}", "path", path, "reason", wrong)
		panic(problem.New("host-site-unknown", "why", why))
	}
	return found
}

func (s *session) showSite(facts *host.Facts, of host.SiteFile, path string) {
	own := ""
	if facts.MachineID != "" {
		own = host.MachineTag(of.Identity, facts.MachineID)
	}
	if s.asJSON {
		machines := []object{}
		for _, one := range of.Machines {
			machines = append(machines, object{{"tag", one.Tag}, {"name", orNull(one.Name)}, {"this", one.Tag == own}})
		}
		key := host.KeyOf((&host.Facts{Site: of.Identity, Roster: of.Roster()}).Components(host.Site), host.Site)
		s.say(indented(object{{"path", path}, {"host_key", key}, {"machines", machines}}))
		return
	}
	s.say(note("The site in {path} has {count:# machine|# machines}:", "path", path, "count", len(of.Machines)))
	for _, one := range of.Machines {
		line := indent + one.Tag
		if one.Name != "" {
			line += " " + problem.Printable(one.Name)
		}
		if one.Tag == own {
			line += " " + words.Tr("(this one)")
		}
		s.say(line)
	}
	s.remark(note("Once all machines are on it, order a licence: send the output of "+
		"`{cli} request --profile hk1-site`.", "cli", s.cli))
}
