// Command verifier answers test vectors as those in examples/verifiers do: for each line of its
// input, the path of a vector, it prints the answer as JSON. It is no part of the client.
package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"

	"hostseal/host"
	"hostseal/license"
	"hostseal/problem"
	"hostseal/received"
)

func main() {
	root, err := os.ReadFile(os.Args[1])
	must(err)
	shipped, err := license.ReadPublicKey(string(root))
	must(err)
	paths := bufio.NewScanner(os.Stdin)
	for paths.Scan() {
		data, err := os.ReadFile(paths.Text())
		must(err)
		fmt.Printf("%s\n", license.WriteJSON(answer(read(data), shipped)))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// A vector is a file as tests/vectors/README.md describes it.
type vector struct {
	lines map[string]string
	body  []byte
}

func read(data []byte) vector {
	head, body, _ := strings.Cut(string(data), "\n\n")
	lines := map[string]string{}
	for _, line := range strings.Split(head, "\n") {
		name, text, _ := strings.Cut(line, ": ")
		lines[name] = text
	}
	return vector{lines, []byte(body)}
}

// object is the JSON object on a line; an empty one where there is none.
func (v vector) object(name string) *license.Object {
	text, ok := v.lines[name]
	if !ok {
		return license.NewObject()
	}
	return parsed(text).(*license.Object)
}

// file is one beside the licence; nil: there is none.
func (v vector) file(name string) []byte {
	text, ok := v.lines[name]
	if !ok {
		return nil
	}
	data, err := base64.StdEncoding.DecodeString(text)
	must(err)
	return data
}

func parsed(text string) any {
	value, err := license.ParseJSON([]byte(text))
	must(err)
	return value
}

// An answer has the problems, and what its kind adds.
type answered struct {
	problems []*problem.Problem
	notices  []problem.Notice
	more     []any
}

func answer(v vector, shipped license.PublicKey) *license.Object {
	var given answered
	switch v.lines["kind"] {
	case "license":
		given = ofLicense(v, shipped)
	case "host":
		given = ofHost(v)
	case "thumbprint":
		given = ofThumbprint(v)
	case "signature":
		given = ofSignature(v)
	case "text":
		given = ofText(v)
	case "parcel":
		given = ofParcel(v)
	}
	slugs, notices, details, code := []any{}, []any{}, []any{}, 0
	for _, one := range given.problems {
		slugs = append(slugs, one.Slug)
		told, _ := one.Values["details"].([]problem.Notice)
		for _, detail := range told {
			details = append(details, detail.Slug)
		}
	}
	if len(slugs) > 0 {
		code = given.problems[0].ExitCode()
	}
	for _, one := range given.notices {
		if !ofTheHost[one.Slug] {
			notices = append(notices, one.Slug)
		}
	}
	return license.NewObject(append([]any{"problems", slugs, "notices", notices,
		"details", details, "exit_code", code}, given.more...)...)
}

// How a host is connected is no part of a vector: nothing is said of it.
var ofTheHost = map[string]bool{
	"address-may-change": true, "address-unconfirmed": true, "address-is-lent": true,
	"pod-is-replaced": true, "pod-address-changes": true, "engine-unknown": true,
	"machine-id-may-change": true, "machine-id-missing": true, "machine-id-of-image": true,
	"network-of-another": true, "address-of-wsl": true,
}

func refused(one *problem.Problem) answered {
	return answered{problems: []*problem.Problem{one}}
}

func ofLicense(v vector, shipped license.PublicKey) answered {
	roots := []license.PublicKey{shipped}
	if text, ok := v.lines["roots"]; ok {
		roots = nil
		for _, x := range parsed(text).([]any) {
			key, wrong := keyOf(x.(string))
			if wrong != nil {
				return refused(wrong)
			}
			roots = append(roots, key)
		}
	}
	in := license.Input{
		Data: v.body, Roots: roots, Facts: factsOf(v.object("host")), Now: instantOf(v.lines["now"]),
		Settings: settingsOf(v.object("settings")), Known: v.file("known"),
		Revocations: v.file("revocations"),
	}
	if _, ok := v.lines["memory"]; ok {
		in.Memory = memoryOf(v.object("memory"))
	}
	report := license.Check(in)
	return answered{problems: report.Problems, notices: report.Notices}
}

// instantOf is an instant of any size.
func instantOf(text string) int64 {
	now, err := strconv.ParseInt(text, 10, 64)
	if err != nil && strings.HasPrefix(text, "-") {
		return -1
	}
	if err != nil {
		return license.MaxInstant
	}
	return now
}

func text(of *license.Object, name string) string {
	value, _ := of.Get(name)
	text, _ := value.(string)
	return text
}

func number(of *license.Object, name string, other int64) int64 {
	value, ok := of.Get(name)
	if written, isNumber := value.(license.Number); ok && isNumber {
		other, _ = written.Integer()
	}
	return other
}

func truth(of *license.Object, name string) bool {
	value, _ := of.Get(name)
	truth, _ := value.(bool)
	return truth
}

func factsOf(of *license.Object) host.Facts {
	facts := host.Facts{
		Hostname: text(of, "hostname"), IP: text(of, "ip"), MachineID: text(of, "machine_id"),
		ContainerID: text(of, "container_id"), Engine: text(of, "engine"), Layer: text(of, "layer"),
		PinnedIP: text(of, "pinned_ip"), FormerIP: text(of, "former_ip"),
		ClusterUID: text(of, "cluster_uid"), Site: text(of, "site"), Roster: text(of, "roster"),
		MachineIDBound:   truth(of, "machine_id_bound"),
		MachineIDOfImage: truth(of, "machine_id_of_image"),
		OnceBare:         truth(of, "once_bare"), OnceBound: truth(of, "once_bound"),
		GPUs: int(number(of, "gpus", 0)), Root: "/",
	}
	if gpus, ok := of.Get("gpus"); ok && gpus == nil {
		facts.GPUs = host.Uncounted
	}
	return facts
}

func settingsOf(of *license.Object) license.Settings {
	settings := license.DefaultSettings()
	settings.Product = text(of, "product")
	settings.WarnDays = number(of, "warn_days", settings.WarnDays)
	settings.RootsNeeded = number(of, "roots_needed", settings.RootsNeeded)
	if _, ok := of.Get("released_at"); ok {
		released := number(of, "released_at", 0)
		settings.ReleasedAt = &released
	}
	return settings
}

func memoryOf(of *license.Object) *license.Memory {
	var returned []string
	if items, ok := of.Get("returned"); ok {
		for _, item := range items.([]any) {
			returned = append(returned, item.(string))
		}
	}
	return &license.Memory{
		Returned: returned,
		SeenAt:   number(of, "seen_at", 0), LicenseIat: number(of, "license_iat", 0),
		LicenseJti: text(of, "license_jti"), Authentic: true,
		Trust: license.Version{
			Roots: number(of, "roots_version", 0), Keyset: number(of, "keyset_version", 0),
		},
		RevocationsNumber: number(of, "revocations_number", 0),
		RevocationsKid:    text(of, "revocations_kid"),
	}
}

func ofHost(v vector) answered {
	facts, profile := factsOf(parsed(string(v.body)).(*license.Object)), v.lines["profile"]
	key, wrong := host.Derive(&facts, profile)
	if wrong != nil {
		return refused(wrong)
	}
	var tags []any
	for _, tag := range host.Tags(&facts, profile) {
		tags = append(tags, tag.Name, tag.Tag)
	}
	return answered{more: []any{"key", key.Key, "tags", license.NewObject(tags...)}}
}

func keyOf(x string) (license.PublicKey, *problem.Problem) {
	raw, err := license.DecodeBase64URL(x)
	if err == nil {
		key, wrong := license.NewPublicKey(raw)
		if wrong == nil {
			return key, nil
		}
		err = wrong
	}
	return license.PublicKey{},
		problem.New("trusted-key-invalid", "path", "roots", "reason", license.ReasonOf(err))
}

func ofThumbprint(v vector) answered {
	key, wrong := keyOf(text(parsed(string(v.body)).(*license.Object), "x"))
	if wrong != nil {
		return refused(wrong)
	}
	return answered{more: []any{"kid", key.Kid}}
}

func ofSignature(v vector) answered {
	key, wrong := keyOf(v.lines["x"])
	if wrong != nil {
		return refused(wrong)
	}
	signature, err := license.DecodeBase64URL(v.lines["signature"])
	return answered{more: []any{"holds", err == nil && key.Verifies(signature, v.body)}}
}

func ofText(v vector) answered {
	request, wrong := received.Request(string(v.body))
	if wrong != nil {
		return refused(wrong)
	}
	return answered{more: []any{"request", request.Members()}}
}

// ofParcel is what is installed of a file, and what that had become. No vector is of this kind, since
// another client may undo more or less.
func ofParcel(v vector) answered {
	opened := license.OpenParcel(v.body)
	more := []any{"data", base64.StdEncoding.EncodeToString(opened.Data)}
	if opened.What != nil {
		more = append(more, "what", opened.What.String())
	}
	return answered{more: more}
}
