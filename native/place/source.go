package place

import (
	"encoding/base64"
	"strings"

	"hostseal/problem"
)

// A Source is what a licence is taken from.
type Source struct {
	// Kind is conf (license.dat there), file (LICENSE_FILE), environment (LICENSE) or argument: what
	// a command was given.
	Kind string
	// Path is the file; "": it is none.
	Path string
	// Data is the licence, where it is in no file.
	Data []byte
	// IsDoubled: both variables are set; then the file counts.
	IsDoubled bool
}

// namedSource is what the environment names; nil: nothing.
func namedSource(env func(string) string) (*Source, *problem.Problem) {
	path, refused := fromRoot(env, "LICENSE_FILE")
	text := env("LICENSE")
	switch {
	case refused != nil:
		return nil, refused
	case path != "":
		return &Source{Kind: "file", Path: path, IsDoubled: text != ""}, nil
	case text != "":
		return &Source{Kind: "environment", Data: content(text)}, nil
	}
	return nil, nil
}

// fromRoot is the path in a variable; "": there is none.
func fromRoot(env func(string) string, variable string) (string, *problem.Problem) {
	path := env(variable)
	if path == "" || path[0] == '/' {
		return path, nil
	}
	refused := unreadable(path, "it does not begin with a slash")
	return "", refused.Advised([]string{"from-the-root"}, problem.Of("variable", variable))
}

// content is the licence file that the value of a variable is: its text, or base64 of it.
//
// No text is both: the lines around a block have dashes, which are not of that alphabet.
func content(value string) []byte {
	const most = 2 // of padding
	packed := strings.Map(func(r rune) rune {
		if r == ' ' || ('\t' <= r && r <= '\r') {
			return -1
		}
		return r
	}, value)
	bare := strings.TrimRight(packed, "=")
	if len(packed)%4 != 0 || len(packed)-len(bare) > most {
		return []byte(value)
	}
	data, err := base64.RawStdEncoding.DecodeString(bare)
	if err != nil || strings.Trim(bare, "+/") == "" {
		return []byte(value)
	}
	return data
}
