// Command c is the library for C and C++: hostseal.h says what it has.
package main

// #include <stdint.h>
// #include <stdlib.h>
// #include "report.h"
import "C"

import (
	"fmt"
	"strings"
	"time"
	"unsafe"

	"hostseal/host"
	"hostseal/installed"
	"hostseal/license"
	"hostseal/problem"
	"hostseal/words"
)

func main() {}

// lookup asks C for a variable. Go has only a copy, of when the library was loaded: it has neither what the
// program has set since, nor forgotten what the program took out.
func lookup(name string) (string, bool) {
	asked := C.CString(name)
	defer C.free(unsafe.Pointer(asked))
	value := C.getenv(asked)
	return C.GoString(value), value != nil
}

func env(name string) string {
	value, _ := lookup(name)
	return value
}

//export hostseal_look
func hostseal_look(data unsafe.Pointer, size C.size_t, root, product *C.char) *C.struct_report {
	return give(func() (*license.Report, *problem.Problem) {
		if size > license.MaxFile {
			return nil, license.TooLarge(int64(size))
		}
		// A copy: the caller may change or free its own.
		own := C.GoBytes(data, C.int(size))
		return check(own, C.GoString(root), C.GoString(product))
	})
}

//export hostseal_look_installed
func hostseal_look_installed(conf, keys, product *C.char) *C.struct_report {
	query := installed.Query{
		Product: C.GoString(product), Conf: C.GoString(conf), Keys: C.GoString(keys), Env: lookup,
	}
	return give(func() (*license.Report, *problem.Problem) { return installed.Check(query), nil })
}

// give is a report for C, whatever happens: a program that starts on its word must get one.
func give(look func() (*license.Report, *problem.Problem)) *C.struct_report {
	report := looked(look)
	made := (*C.struct_report)(C.malloc(C.sizeof_struct_report))
	*made = C.struct_report{code: C.int(report.ExitCode()), words: C.CString(wordsOf(report))}
	if !report.OK() {
		made.problem = C.CString(report.Problems[0].Slug)
		return made
	}
	made.claims = C.CString(string(license.WriteJSON(report.License.Claims())))
	for _, feature := range report.License.Features {
		made.features = named(feature, 0, made.features)
	}
	for limit, most := range report.License.Limits {
		made.limits = named(limit, most, made.limits)
	}
	return made
}

func named(text string, most int64, next *C.struct_name) *C.struct_name {
	made := (*C.struct_name)(C.malloc(C.sizeof_struct_name))
	*made = C.struct_name{text: C.CString(text), most: C.int64_t(most), next: next}
	return made
}

func looked(look func() (*license.Report, *problem.Problem)) (report *license.Report) {
	refuse := func(one *problem.Problem) *license.Report {
		return &license.Report{Now: time.Now().Unix(), Problems: []*problem.Problem{one}}
	}
	defer func() {
		if wrong := recover(); wrong != nil {
			report = refuse(problem.New("internal-error", "reason", fmt.Sprint(wrong)))
		}
	}()
	report, refused := look()
	if refused != nil {
		return refuse(refused)
	}
	return report
}

func check(data []byte, root, product string) (*license.Report, *problem.Problem) {
	key, err := license.ReadPublicKey(root)
	if err != nil {
		return nil, problem.New("trusted-key-invalid",
			"path", "root.pub.pem", "reason", license.ReasonOf(err))
	}
	facts, err := host.ReadFacts("/", env)
	if unreadable, is := err.(*problem.Problem); is {
		return nil, unreadable
	}
	settings := license.DefaultSettings()
	settings.Product = product
	return license.Check(license.Input{
		Data: data, Roots: []license.PublicKey{key}, Facts: facts, Now: time.Now().Unix(),
		Settings: settings,
	}), nil
}

// wordsOf is what a person is told, in the language of the environment.
func wordsOf(report *license.Report) string {
	const client = "hostseal"
	words.Speak(words.Of(env))
	var lines []string
	for _, one := range report.Problems {
		lines = append(lines, one.Say(words.Tr), one.Remedy(client, words.Tr))
	}
	for _, one := range report.Notices {
		if report.OK() && one.Slug != "product-unset" {
			lines = append(lines, one.Say(words.Tr), one.Remedy(client, words.Tr))
		}
	}
	return strings.Join(lines, "\n")
}
