package place

import (
	"bytes"

	"hostseal/host"
	"hostseal/license"
	"hostseal/problem"
)

// worthWriting is by how many seconds the mark must have moved for its own sake.
const worthWriting = 3600

// ReadMemory is what earlier checks remember, and remarks where that is nothing to rely on.
func (p Place) ReadMemory(facts *host.Facts) (*license.Memory, []problem.Notice) {
	if p.ForgetsAll {
		return nil, []problem.Notice{problem.Remark("memory-off")}
	}
	data, refused := readOwn(p.State(), MaxFile)
	about := func(slug string) []problem.Notice {
		return []problem.Notice{problem.Remark(slug, "path", p.State())}
	}
	if refused != nil && refused.Slug == "file-unreadable" {
		unread := problem.Remark("memory-unreadable", "path", refused.Values["path"], "reason", refused.Values["reason"])
		return nil, []problem.Notice{unread.Because(refused)}
	}
	if refused == nil && data == nil {
		return nil, about("memory-missing")
	}
	memory, err := license.ParseMemory(data, facts)
	switch {
	case refused != nil || err != nil:
		return nil, about("memory-invalid")
	case !memory.Authentic:
		return memory, about("memory-invalid")
	case memory.SeenAt == 0: // no check wrote it, only get_host_key
		return memory, about("memory-missing")
	}
	return memory, nil
}

// Keep writes after where it says more than before; a remark where that cannot be done, else nil.
//
// A look at another host (--root) does not take the place of a memory that is not its own: it is
// the memory of the host that the folder belongs to.
func (p Place) Keep(before *license.Memory, after license.Memory, facts *host.Facts) *problem.Notice {
	if p.ForgetsAll {
		return nil
	}
	if before != nil && !before.Authentic && p.Root != "/" {
		return nil
	}
	if before != nil && before.Authentic {
		moved := after.SeenAt - before.SeenAt
		same := after
		same.SeenAt = before.SeenAt
		if 0 <= moved && moved < worthWriting && bytes.Equal(same.Dump(facts), before.Dump(facts)) {
			return nil
		}
	}
	// Another host that uses this folder may have written meanwhile.
	present, remarks := p.ReadMemory(facts)
	for _, remark := range remarks {
		if remark.Slug == "memory-unreadable" {
			return nil // nobody knows what would be lost; it has been said that it cannot be read
		}
	}
	after.Others = nil
	if present != nil {
		after.Others = present.Others
	}
	return unwritten(p.State(), ReplaceLightly(p.State(), after.Dump(facts), false))
}

// KeepAll writes what a check learned and remembers; a remark where that cannot be done, else nil.
//
// What is remembered must not be newer than what is kept: the next check would miss it.
func (p Place) KeepAll(before *license.Memory, of *Checked, facts *host.Facts) *problem.Notice {
	if of.Trust != "" && !p.ForgetsAll {
		if refused := ReplaceLightly(p.Trust(), []byte(of.Trust), false); refused != nil {
			return unwritten(p.Trust(), refused)
		}
	}
	return p.Keep(before, of.Memory, facts)
}

func unwritten(path string, refused *Light) *problem.Notice {
	if refused == nil {
		return nil
	}
	if refused.IsReadOnly {
		refused.Problem.Advice = append(refused.Problem.Advice[:len(refused.Problem.Advice):len(refused.Problem.Advice)], "state-elsewhere")
	}
	notice := problem.Remark("memory-not-written", "path", path, "reason", refused.Said).Because(refused.Problem)
	return &notice
}
