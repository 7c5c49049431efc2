// Package place is where the client finds conf/, keys/ and the host's root, and what it keeps there.
//
// It is the only one that reads and writes those folders. Nothing here knows of signatures.
package place

import (
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"

	"hostseal/host"
	"hostseal/license"
	"hostseal/problem"
)

const (
	mostPin = 1024
	// nowhere is what LICENSE_STATE says where nothing is to be remembered.
	nowhere = "none"
	// ofKubernetes is the link by which Kubernetes swaps what a Secret mounts (its AtomicWriter).
	ofKubernetes = "..data"
)

// A Place is two folders, the root of the host to probe, and what is elsewhere (SPEC section 7.4).
type Place struct {
	Conf, Keys, Root string
	// Named is what the licence is taken from; nil: license.dat in Conf.
	Named *Source
	// Memory is the folder of what checks remember.
	Memory string
	// Product is the one that a licence must be for; empty: that of the settings.
	Product string
	// ForgetsAll: checks read and write no state file, and write nothing of what they learned.
	ForgetsAll bool
}

// Default is the place of these folders; "": LICENSE_CONF and LICENSE_KEYS, else those below home.
//
// home is where a product keeps both, "" where nobody has said so: never the working folder, or
// whoever starts the product in a folder of theirs would choose the vendor.
func Default(env func(string) string, home, conf, keys, root string) (Place, *problem.Problem) {
	named := func(given, variable, name string) (string, *problem.Problem) {
		if given != "" {
			return given, nil
		}
		if folder := env(variable); folder != "" {
			return folder, nil
		}
		if home == "" {
			return "", problem.New("folder-unnamed", "folder", name)
		}
		return filepath.Join(home, name), nil
	}
	place := Place{Root: root}
	var refused *problem.Problem
	if place.Conf, refused = named(conf, "LICENSE_CONF", "conf"); refused != nil {
		return place, refused
	}
	if place.Keys, refused = named(keys, "LICENSE_KEYS", "keys"); refused != nil {
		return place, refused
	}
	if root == "" {
		place.Root = "/"
	}
	place.Memory = place.Conf
	if env("LICENSE_STATE") == nowhere {
		place.ForgetsAll = true
	} else if folder, refused := fromRoot(env, "LICENSE_STATE"); refused != nil {
		return place, refused
	} else if folder != "" {
		place.Memory = folder
	}
	place.Named, refused = namedSource(env)
	return place, refused
}

// Home is the folder of conf/ and keys/ of the product that ships the program at path: the one in
// which the program stands, the one above, or share/hostseal beside that; "": none has both.
func Home(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	beside := filepath.Dir(path)
	above := filepath.Dir(beside)
	for _, home := range []string{beside, above, filepath.Join(above, "share", "hostseal")} {
		if IsFolder(filepath.Join(home, "conf")) && IsFolder(filepath.Join(home, "keys")) {
			return home
		}
	}
	return ""
}

// OnHost is where the file name of the host is.
func (p Place) OnHost(name string) string { return join(p.Root, strings.TrimLeft(name, "/")) }

func (p Place) in(name string) string { return join(p.Conf, name) }

// join is folder and name as Python joins them: what was typed is not tidied up.
func join(folder, name string) string { return strings.TrimSuffix(folder, "/") + "/" + name }

// License is the licence file, or where it would be installed.
func (p Place) License() string {
	if p.Named != nil && p.Named.Path != "" {
		return p.Named.Path
	}
	return p.in("license.dat")
}

// SecretParts are the folder of a Secret and the name there of that file; nil: it lies in none.
//
// Kubernetes swaps its content by a link, and would undo what is written there. The file may be named
// in the Secret's folder, behind its link, or by a link from anywhere else.
func (p Place) SecretParts() problem.Values {
	given := filepath.Dir(p.License())
	if isLink(filepath.Join(given, ofKubernetes)) {
		return problem.Of("folder", given, "name", filepath.Base(p.License()))
	}
	real := Real(p.License())
	for folder := filepath.Dir(real); ; folder = filepath.Dir(folder) {
		swapped := filepath.Join(folder, ofKubernetes)
		if isLink(swapped) && (folder == filepath.Dir(real) || strings.HasPrefix(real, Real(swapped)+"/")) {
			return problem.Of("folder", folder, "name", filepath.Base(real))
		}
		if folder == filepath.Dir(folder) {
			return nil
		}
	}
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&os.ModeSymlink != 0
}

// Source is what the licence is taken from.
func (p Place) Source() *Source {
	if p.Named != nil {
		return p.Named
	}
	return &Source{Kind: "conf", Path: p.License()}
}

// State is the client's memory.
func (p Place) State() string { return join(p.Memory, "license.state") }

// Secrets are those by which the licences of this host can be given back.
func (p Place) Secrets() string { return join(p.Memory, "license.return") }

// Returned is the text of the licence that was given back last.
func (p Place) Returned() string { return join(p.Memory, "license.returned") }

// Pin is where the declared address is kept.
func (p Place) Pin() string { return p.in("license.pin") }

// Revocations is the revocation list beside the licence.
func (p Place) Revocations() string { return p.in("license.revocations") }

// Trust is what the client has learned of the vendor's keys.
func (p Place) Trust() string { return join(p.Memory, "license.trust") }

// Facts are the host of this place.
func (p Place) Facts(env func(string) (string, bool)) (host.Facts, *problem.Problem) {
	declared, isDeclared := env(host.PinnedIP)
	if !isDeclared {
		data, refused := readVisible(p.Pin(), mostPin)
		if refused != nil {
			return host.Facts{}, refused
		}
		declared = strings.ToValidUTF8(string(data), "\ufffd")
	}
	return p.FactsDeclaring(declared, env)
}

// FactsDeclaring are the host of this place, whose address is declared to be this one.
func (p Place) FactsDeclaring(
	declared string, env func(string) (string, bool),
) (host.Facts, *problem.Problem) {
	facts, err := host.ReadFacts(p.Root, func(name string) string {
		if name == host.PinnedIP {
			return declared
		}
		value, _ := env(name)
		return value
	})
	if err == nil {
		return facts, nil
	}
	if refused, ok := err.(*problem.Problem); ok {
		return facts, refused
	}
	return facts, problem.New("internal-error", "reason", err.Error())
}

// ReadLicense is the licence that is in force.
func (p Place) ReadLicense() ([]byte, *problem.Problem) {
	path := p.License()
	if p.Named == nil {
		data, refused := readOwn(path, MaxFile)
		if data == nil && refused == nil {
			refused = problem.New("license-missing", "path", path)
			if returned := p.ReadReturned(); returned != nil {
				refused.Advised([]string{"given-back"},
					problem.Of("number", returned.Number, "returned_at", returned.Iat))
			}
		}
		return data, refused
	}
	if p.Named.Data != nil {
		return p.Named.Data, nil
	}
	data, refused := Read(path, MaxFile)
	switch {
	case refused != nil && refused.Slug == "file-unreadable" && IsFolder(path):
		refused.Advised([]string{"names-a-folder"}, nil)
	case refused == nil && data == nil:
		refused = problem.New("license-missing", "path", path).Advised([]string{"missing-where-named"}, nil)
	}
	return data, refused
}

// ReadTrust is what the client has learned of the vendor's keys; nil: nothing.
func (p Place) ReadTrust() ([]byte, *problem.Problem) { return readOwn(p.Trust(), MaxFile) }

// ReadRevocations is the revocation list beside the licence; nil: there is none.
func (p Place) ReadRevocations() ([]byte, *problem.Problem) {
	data, refused := readOwn(p.Revocations(), MaxRevocations)
	if refused != nil && refused.Slug == "file-too-large" {
		values := refused.Values
		refused = problem.New("list-too-large", "path", values["path"], "size", values["size"], "cap", values["cap"])
	}
	return data, refused
}

// ReadSettings are the product's settings; the defaults where it ships none.
func (p Place) ReadSettings() (license.Settings, *problem.Problem) {
	path := p.in("hostseal.toml")
	data, refused := readOwn(path, MaxFile)
	if refused != nil {
		return license.Settings{}, refused
	}
	return ParseSettings(data, path)
}

// ReadRoots are the trusted root keys, in the order of the names of their files.
func (p Place) ReadRoots() ([]license.PublicKey, *problem.Problem) {
	entries, err := os.ReadDir(p.Keys)
	if err != nil && !isAway(err) {
		return nil, Unreadable(p.Keys, err)
	}
	var names []string
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".pub.pem") {
			names = append(names, entry.Name())
		}
	}
	sort.Strings(names)
	var roots []license.PublicKey
	var files []struct {
		path string
		data []byte
	}
	for _, name := range names {
		path := join(p.Keys, name)
		data, refused := Read(path, MaxFile)
		if refused != nil {
			return nil, refused
		}
		if data != nil {
			files = append(files, struct {
				path string
				data []byte
			}{path, data})
		}
	}
	for _, file := range files {
		key, err := license.ReadPublicKey(ascii(file.data))
		if err != nil {
			return nil, problem.New("trusted-key-invalid", "path", file.path, "reason", license.ReasonOf(err))
		}
		roots = append(roots, key)
	}
	if roots == nil {
		return nil, problem.New("trusted-key-missing", "path", p.Keys)
	}
	return roots, nil
}

// ascii is data as text; what is no ASCII is in no key.
func ascii(data []byte) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 {
			return r
		}
		return '\ufffd'
	}, string(data))
}

func isAway(err error) bool {
	number, ok := err.(*os.PathError)
	return ok && (number.Err == syscall.ENOENT || number.Err == syscall.ENOTDIR)
}

// readVisible is as readOwn; nil also where the folder does not let this user see what is in it.
// Commands that tell of a host go on there: what they need of that folder says so itself.
func readVisible(path string, most int) ([]byte, *problem.Problem) {
	data, refused := readOwn(path, most)
	if refused != nil {
		if _, err := os.Lstat(path); err != nil {
			return nil, nil
		}
	}
	return data, refused
}

// readOwn is as Read; a folder in the place of a file of conf/ was made by nobody but an engine.
func readOwn(path string, most int) ([]byte, *problem.Problem) {
	data, refused := Read(path, most)
	if refused != nil && refused.Slug == "file-unreadable" && IsFolder(path) {
		refused.Advised([]string{"folder-of-docker"}, nil)
	}
	return data, refused
}
