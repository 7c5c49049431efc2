// Package problem has what can be wrong and what is remarked on: stable names, exit codes and words.
//
// The tables are made from those of the Python client (python -m tests.support.native_words), so
// that the two never say different things. Whoever finds something wrong gives a slug and the
// values, named as the classes of license_core/errors.py name them.
package problem

import (
	"sort"
	"strings"
)

// Values are the facts of a problem or a notice, by their names. A value is a string, an integer,
// a Reason, a []Notice, or nil for what is not known.
type Values = map[string]any

// Worded is what a problem and a notice have in common: facts, and which remedies fit.
type Worded struct {
	Slug   string
	Values Values
	// Order has the names of the values as they were given.
	Order []string
	// Advice names the remedies for the host at hand, in place of that of the row; nil: that of the
	// row, empty: none at all.
	Advice []string
	// More are facts that only the advice is filled with.
	More Values
	// Cause is what it comes of, and whose remedy is its own.
	Cause *Worded
}

// Problem is a refusal.
type Problem struct{ Worded }

// Notice is a remark that refuses nothing.
type Notice struct{ Worded }

// New is the problem slug, with names and values in turn.
func New(slug string, namesAndValues ...any) *Problem {
	return &Problem{worded(slug, namesAndValues)}
}

// Remark is the notice slug, with names and values in turn.
func Remark(slug string, namesAndValues ...any) Notice {
	return Notice{worded(slug, namesAndValues)}
}

// Names are those of the values, in the order in which the class of a problem has them, else in that
// in which they were given; what is in neither comes last.
func (w *Worded) Names() []string {
	known := w.Order
	if row := findProblem(w.Slug); row != nil {
		known = row.names
	}
	var names, more []string
	isKnown := map[string]bool{}
	for _, name := range known {
		isKnown[name] = true
		if _, isThere := w.Values[name]; isThere {
			names = append(names, name)
		}
	}
	for name := range w.Values {
		if !isKnown[name] {
			more = append(more, name)
		}
	}
	sort.Strings(more)
	return append(names, more...)
}

func worded(slug string, namesAndValues []any) Worded {
	made := Worded{Slug: slug, Values: Of(namesAndValues...)}
	for at := 0; at < len(namesAndValues); at += 2 {
		made.Order = append(made.Order, namesAndValues[at].(string))
	}
	return made
}

// Of are the values of names and values in turn.
func Of(namesAndValues ...any) Values {
	values := make(Values, len(namesAndValues)/2)
	for at := 0; at < len(namesAndValues); at += 2 {
		values[namesAndValues[at].(string)] = namesAndValues[at+1]
	}
	return values
}

// Advised is the problem with these remedies and what they are filled with.
func (p *Problem) Advised(advice []string, more Values) *Problem {
	p.Advice, p.More = advice, more
	return p
}

// HasOnly tells whether it is of this slug, with this one remedy.
func (p *Problem) HasOnly(slug, advice string) bool {
	return p.Slug == slug && len(p.Advice) == 1 && p.Advice[0] == advice
}

// Advised is the notice with these remedies and what they are filled with.
func (n Notice) Advised(advice []string, more Values) Notice {
	n.Advice, n.More = advice, more
	return n
}

// Because is the notice with the remedy of its cause.
func (n Notice) Because(cause *Problem) Notice {
	n.Cause = &cause.Worded
	return n
}

// Error is the English sentence.
func (p *Problem) Error() string { return p.Say(English) }

// ExitCode is what a command that fails with this problem exits with.
func (p *Problem) ExitCode() int { return problemRow(p.Slug).code }

// Title names the kind of problem.
func (p *Problem) Title() string { return problemRow(p.Slug).title }

// Level is "warning", "note" or "detail".
func (n Notice) Level() string { return noticeRow(n.Slug).level }

// IsProblem tells whether slug is that of a problem.
func IsProblem(slug string) bool { return findProblem(slug) != nil }

// Say is what there is to say of these facts, in one line.
func (w *Worded) Say(translate Translate) string {
	sentence, _ := w.row()
	return format(translate(sentence), w.spoken(w.Values, translate))
}

// Remedy is what to do about it; cli is how the client is called here.
func (w *Worded) Remedy(cli string, translate Translate) string {
	if w.Cause != nil {
		return w.Cause.Remedy(cli, translate)
	}
	facts := w.spoken(w.Values, translate)
	for name, value := range w.spoken(w.More, translate) {
		facts[name] = value
	}
	facts["cli"], facts["server"] = cli, "license-server"
	var lines []string
	for _, text := range w.remedies() {
		lines = append(lines, format(translate(text), facts))
	}
	return strings.Join(lines, "\n")
}

func (w *Worded) remedies() []string {
	var texts []string
	if w.Advice == nil {
		_, remedy := w.row()
		texts = append(texts, remedy)
	}
	for _, name := range w.Advice {
		texts = append(texts, remedyText(name))
	}
	return texts
}

// spoken has the facts as words for a template.
func (w *Worded) spoken(facts Values, translate Translate) Values {
	spoken := make(Values, len(facts)+2)
	for name, value := range facts {
		spoken[name] = word(name, value, translate)
	}
	return spoken
}

func (w *Worded) row() (sentence, remedy string) {
	if row := findProblem(w.Slug); row != nil {
		return row.sentence, row.remedy
	}
	row := noticeRow(w.Slug)
	return row.sentence, row.remedy
}
