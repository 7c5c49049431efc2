// Command hosttest prints what package host makes of hosts, for the tests: it is no part of the
// client. For each line of JSON that it reads, with a root, an environment, a profile and an instant
// of issue, it writes one.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	"hostseal/host"
	"hostseal/license"
	"hostseal/problem"
)

type question struct {
	Root               string
	Env                map[string]string
	Profile            string
	Iat                int64
	Customer, Replaces string
}

type answer struct {
	Problem  *said             `json:"problem,omitempty"`
	Facts    *host.Facts       `json:"facts,omitempty"`
	Key      string            `json:"key,omitempty"`
	Refused  *said             `json:"refused,omitempty"`
	Pinned   *said             `json:"pinned,omitempty"`
	Line     string            `json:"line,omitempty"`
	Checked  string            `json:"checked,omitempty"`
	Issued   string            `json:"issued,omitempty"`
	Request  string            `json:"request,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
	LayerTag string            `json:"layer_tag,omitempty"`
	Copyable bool              `json:"copyable,omitempty"`
	Mode     string            `json:"mode,omitempty"`
	IsPinned bool              `json:"is_pinned,omitempty"`
	Notices  []*said           `json:"notices,omitempty"`
	Licensed []*said           `json:"licensed,omitempty"`
	Former   []*said           `json:"former,omitempty"`
	Fits     []*said           `json:"fits,omitempty"`
}

// said is a problem or a notice, in words.
type said struct {
	Slug, Sentence, Remedy string
	Facts                  []string
}

func say(of *problem.Worded) *said {
	return &said{of.Slug, of.Say(problem.English), of.Remedy("hostseal", problem.English), of.Names()}
}

func sayOf(refused *problem.Problem) *said {
	if refused == nil {
		return nil
	}
	return say(&refused.Worded)
}

func sayAll(notices []problem.Notice) []*said {
	var all []*said
	for i := range notices {
		all = append(all, say(&notices[i].Worded))
	}
	return all
}

func ask(of question) answer {
	facts, err := host.ReadFacts(of.Root, func(name string) string { return of.Env[name] })
	if err != nil {
		return answer{Problem: sayOf(err.(*problem.Problem))}
	}
	key, refused := host.Derive(&facts, of.Profile)
	issued := host.AsIssued(facts, of.Iat)
	then, _ := host.Derive(&issued, of.Profile)
	tags := map[string]string{}
	for _, tag := range host.Tags(&facts, of.Profile) {
		tags[tag.Name] = tag.Tag
	}
	found := answer{
		Facts: &facts, Key: key.Key, Refused: sayOf(refused), Issued: then.Key, Tags: tags,
		Pinned:   sayOf(host.CheckPinned(&facts, of.Profile)),
		LayerTag: host.LayerTag(&facts, of.Profile),
		Copyable: host.IsCopyable(&facts, of.Profile),
		Mode:     host.NetworkMode(&facts),
		IsPinned: host.IsPinned(&facts),
		Notices:  sayAll(host.Notices(&facts, of.Profile)),
		Licensed: sayAll(host.OfLicensed(&facts, of.Profile, of.Iat&1 == 1)),
		Former:   sayAll(host.OfFormerRules(&facts, of.Iat)),
		Fits:     sayAll(host.Proposals(&facts, of.Profile)),
	}
	if refused == nil {
		found.Line = key.Line("")
		found.Request = request(&facts, key, of)
		if code, ok := key.CheckCode(); ok {
			found.Checked = key.Line(code)
		}
	}
	return found
}

// request is the block to mail, or why there is none.
func request(facts *host.Facts, key host.Key, of question) string {
	made := license.RequestOf(facts, key, of.Iat)
	made.Customer, made.Replaces = of.Customer, of.Replaces
	text, err := made.Text()
	if err != nil {
		return err.Error()
	}
	return text
}

func main() {
	questions, answers := json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(os.Stdout)
	answers.SetEscapeHTML(false)
	for {
		var of question
		if questions.Decode(&of) != nil {
			return
		}
		if answers.Encode(ask(of)) != nil {
			os.Exit(1)
		}
	}
}
