package license

import (
	"bytes"

	"hostseal/problem"
)

// An OtherFile is what a file is that is no licence, and the names of what to do with it; no advice:
// nothing better than the problem says itself.
type OtherFile struct {
	what   problem.Reason
	Advice []string
	More   problem.Values
}

// explain is the problem of this slug of a file of so many bytes, which says what the file is.
func (o *OtherFile) explain(slug string, size int) *problem.Problem {
	if slug == "license-damaged" {
		return problem.New(slug, "reason", o.what).Advised(o.Advice, o.More)
	}
	return problem.New(slug, "size", size, "found", o.what).Advised(o.Advice, o.More)
}

func otherFile(what string, advice ...string) *OtherFile {
	return &OtherFile{what: problem.Because(what), Advice: advice}
}

func archive(kind, command string) *OtherFile {
	what := problem.Because("it is an archive ({kind})", "kind", kind)
	return &OtherFile{what, []string{"unpack"}, problem.Of("do", command)}
}

var picture = otherFile("it is a picture", "ask-for-the-file")

var byStart = []struct {
	start string
	*OtherFile
}{
	{"PK\x03\x04", otherFile("it is a ZIP archive or an Office document", "unpack-zip")},
	{"\x1f\x8b", archive("gzip", "gunzip <FILE >license.dat")},
	{"BZh", archive("bzip2", "bunzip2 <FILE >license.dat")},
	{"\xfd7zXZ\x00", archive("xz", "unxz <FILE >license.dat")},
	{"\x28\xb5\x2f\xfd", archive("zstd", "unzstd <FILE >license.dat")},
	{"7z\xbc\xaf\x27\x1c", archive("7z", "7z x FILE")},
	{"Rar!\x1a\x07", archive("RAR", "unrar x FILE")},
	{"%PDF", otherFile("it is a PDF", "copy-its-text")},
	{"{\\rtf", otherFile("it is an RTF document", "copy-its-text")},
	{"\xd0\xcf\x11\xe0", otherFile("it is an Outlook message or an old Office document", "save-what-is-attached")},
	{"\x89PNG\r\n", picture},
	{"\xff\xd8\xff", picture},
	{"GIF8", picture},
	{"II*\x00", picture},
	{"MM\x00*", picture},
}

var byLabel = []struct {
	label string
	*OtherFile
}{
	{RequestLabel, otherFile("it is a request, to be sent to the vendor", "send-the-request")},
	{ReturnLabel, otherFile("it says that a licence was given back, and is to be sent to the vendor", "send-the-return")},
	{KeysetLabel, otherFile("it is a keyset, or only the second half of a licence file",
		"copy-the-whole-file", "install-beside")},
	{RootsLabel, otherFile("it is a roots document", "install-beside")},
	{RevocationsLabel, otherFile("it is a revocation list", "install-beside")},
}

// closedFile is the parcel that data is, or the file of another program; nil where it is none.
func closedFile(data []byte) *OtherFile {
	parcel := OpenParcel(data)
	if parcel.What == nil {
		return OfAnotherProgram(data)
	}
	blocks, _ := Unwrap(parcel.Data)
	if _, has := blocks[LicenseLabel]; !has {
		return ofBlocks(blocks)
	}
	what := problem.Because("{what}; `install` takes the licence out of it", "what", *parcel.What)
	return &OtherFile{what: what, Advice: []string{"install-takes-it-out"}}
}

// OfAnotherProgram is the archive, document or picture that data begins as; nil where it is none.
func OfAnotherProgram(data []byte) *OtherFile {
	for _, one := range byStart {
		if bytes.HasPrefix(data, []byte(one.start)) {
			return one.OtherFile
		}
	}
	return nil
}

// withoutLicense is what data is, whose blocks have no licence among them.
func withoutLicense(data []byte, blocks Blocks) *OtherFile {
	if found := ofBlocks(blocks); found != nil {
		return found
	}
	switch start := bytes.ToLower(bytes.TrimSpace(data)); {
	case bytes.Contains(data, []byte(pemBegin)):
		return otherFile("it is a public key, which belongs in the keys folder", "put-among-keys")
	case beginsToken(data):
		return otherFile("a licence begins in it, but part of it is missing or was changed")
	case len(bytes.Trim(data, "\x00 \t\r\n")) == 0:
		return otherFile("it is empty")
	case bytes.HasPrefix(start, []byte("<!doctype html")), bytes.HasPrefix(start, []byte("<html")):
		return otherFile("it is a web page, perhaps one that asks to sign in", "download-the-file")
	}
	return otherFile("it is in an unknown format")
}

func ofBlocks(blocks Blocks) *OtherFile {
	for _, one := range byLabel {
		if blocks[one.label] != nil {
			return one.OtherFile
		}
	}
	return nil
}
