package command

import (
	"sort"
	"strconv"
	"strings"

	"hostseal/problem"
	"hostseal/words"
)

// A manual is a command as it is understood and explained; the table of them is made from the
// Python client's.
type manual struct {
	name      string
	en, zh    string // the page of --help
	options   []option
	arguments []argument
	// isMixed: options may stand behind arguments.
	isMixed bool
}

type option struct {
	names   []string
	isFlag  bool
	choices []string
	// most: above 0 the value is a whole number from least to most.
	least, most int
}

type argument struct {
	name             string
	isNeeded, isMany bool
	choices          []string
}

// parsed is what stands on a line.
type parsed struct {
	values    map[string][]string // by the last name of the option
	arguments []string
}

// elsewhere are the commands that only the client in Python has.
var elsewhere = []string{"doctor"}

func manualOf(name string) *manual {
	for i := range manuals {
		if manuals[i].name == name {
			return &manuals[i]
		}
	}
	return nil
}

// isCommand tells whether word is a command of any client.
func isCommand(word string) bool {
	return word != "" && manualOf(word) != nil || contains(elsewhere, word)
}

func contains(all []string, one string) bool {
	for _, other := range all {
		if other == one {
			return true
		}
	}
	return false
}

func (m *manual) page(program string) string {
	page := m.en
	if !words.IsEnglish() {
		page = m.zh
	}
	return strings.Replace(page, "PROGRAM", program, 1)
}

// inFront is arguments with the options of every command before the command, wherever they stood.
// What stands after --, or belongs to the program that guard starts, is not ours.
func inFront(arguments []string) []string {
	var ours, others []string
	i := 0
	for i < len(arguments) && arguments[i] != "--" && !isProgram(arguments[i], others) {
		word := arguments[i]
		i++
		name, _, _ := strings.Cut(word, "=")
		if word != "--json" && !isOfAll(name) {
			others = append(others, word)
			continue
		}
		ours = append(ours, word)
		if isOfAll(word) && i < len(arguments) {
			ours = append(ours, arguments[i])
			i++
		}
	}
	return append(append(ours, others...), arguments[i:]...)
}

func isOfAll(name string) bool {
	return name == "--conf" || name == "--keys" || name == "--root" || name == "--lang"
}

// isProgram: word is what guard starts, neither an option nor the value of the one before it.
func isProgram(word string, before []string) bool {
	if !contains(before, "guard") || strings.HasPrefix(word, "-") {
		return false
	}
	last := before[len(before)-1]
	return !strings.HasPrefix(last, "--") || strings.Contains(last, "=")
}

// A misunderstanding is what is wrong with a line, and whose help says more.
type misunderstanding struct {
	reason  string
	command string
}

func (m misunderstanding) problem() *problem.Problem {
	return usage(m.reason, strings.TrimSpace(m.command+" --help"))
}

// usage is the problem of a line that was not understood.
func usage(reason any, help string) *problem.Problem {
	return problem.New("usage", "reason", reason, "help", help)
}

func said(template string, namesAndValues ...any) string {
	return words.Fill(template, problem.Of(namesAndValues...))
}

// parse understands what stands on a line after the command m; rest is what m leaves to its own
// commands. Panics with a misunderstanding.
func (m *manual) parse(line []string) (found parsed, wantsHelp bool) {
	found.values = map[string][]string{}
	for len(line) > 0 {
		word := line[0]
		line = line[1:]
		if word == "--" {
			break
		}
		if len(word) < 2 || word[0] != '-' {
			found.arguments = append(found.arguments, word)
			if !m.isMixed {
				break
			}
			continue
		}
		line = m.take(word, line, &found)
	}
	found.arguments = append(found.arguments, line...)
	if _, wanted := found.values["--help"]; wanted {
		return found, true
	}
	m.checkValues(&found)
	return found, false
}

// take is the rest of a line without the value of the option that word names.
func (m *manual) take(word string, line []string, found *parsed) []string {
	name, value, hasValue := strings.Cut(word, "=")
	if known := m.option(name); known != nil && (strings.HasPrefix(name, "--") || len(name) == 2) {
		if known.isFlag && hasValue {
			panic(misunderstanding{said("Option {name!r} does not take a value.", "name", name), ""})
		}
		if hasValue {
			line = append([]string{value}, line...)
		}
		return found.add(known, name, line)
	}
	if strings.HasPrefix(word, "--") {
		panic(misunderstanding{m.noSuch(name), m.name})
	}
	for i, letter := range word[1:] {
		name := "-" + string(letter)
		known := m.option(name)
		if known == nil {
			panic(misunderstanding{said("No such option {name!r}.", "name", name), m.name})
		}
		if !known.isFlag {
			if rest := word[1+i+len(string(letter)):]; rest != "" {
				line = append([]string{rest}, line...)
			}
			return found.add(known, name, line)
		}
		found.add(known, name, nil)
	}
	return line
}

func (p *parsed) add(known *option, name string, line []string) []string {
	key := known.key()
	if known.isFlag {
		p.values[key] = append(p.values[key], "")
		return line
	}
	if len(line) == 0 {
		panic(misunderstanding{said("Option {name!r} requires an argument.", "name", name), ""})
	}
	p.values[key] = append(p.values[key], line[0])
	return line[1:]
}

func (o *option) key() string { return o.names[len(o.names)-1] }

func (m *manual) option(name string) *option {
	for i := range m.options {
		if contains(m.options[i].names, name) {
			return &m.options[i]
		}
	}
	return nil
}

func (m *manual) noSuch(name string) string {
	text := said("No such option {name!r}.", "name", name)
	var long []string
	for _, one := range m.options {
		for _, other := range one.names {
			if strings.HasPrefix(other, "--") {
				long = append(long, other)
			}
		}
	}
	near := nearest(name, long, 3)
	if len(near) == 0 {
		return text
	}
	sort.Strings(near)
	list := "'" + strings.Join(near, "', '") + "'"
	if len(near) == 1 {
		return text + " " + said("Did you mean {possibility}?", "possibility", list)
	}
	return text + " " + said("(Did you mean one of: {possibilities}?)", "possibilities", list)
}

// checkValues refuses values that the options do not have, and arguments that are missing or too
// many.
func (m *manual) checkValues(found *parsed) {
	fail := func(reason string) { panic(misunderstanding{reason, m.name}) }
	for i := range m.options {
		one := &m.options[i]
		for _, value := range found.values[one.key()] {
			if wrong := one.wrongWith(value); wrong != "" {
				hint := "'" + strings.Join(one.names, "' / '") + "'"
				fail(said("Invalid value for {param_hint}: {message}", "param_hint", hint, "message", wrong))
			}
		}
	}
	most := 0
	for i, one := range m.arguments {
		if one.isNeeded && len(found.arguments) <= i {
			fail(said("Missing argument {name!r}.", "name", one.name))
		}
		if one.choices != nil {
			if wrong := wrongChoice(found.arguments[i], one.choices); wrong != "" {
				fail(said("Invalid value for {param_hint}: {message}", "param_hint", "'"+one.name+"'", "message", wrong))
			}
		}
		most++
		if one.isMany {
			most = len(found.arguments)
		}
	}
	if m.name != "" && len(found.arguments) > most {
		more := found.arguments[most:]
		text := "Got unexpected extra arguments ({args})"
		if len(more) == 1 {
			text = "Got unexpected extra argument ({args})"
		}
		fail(said(text, "args", strings.Join(more, " ")))
	}
}

// wrongWith is what is wrong with a value; "": nothing.
func (o *option) wrongWith(value string) string {
	if o.choices != nil {
		return wrongChoice(value, o.choices)
	}
	if o.most == 0 {
		return ""
	}
	number, err := strconv.ParseInt(value, 10, 64)
	if err != nil && !isOutOfRange(err) {
		return said("{value!r} is not a valid {number_type}.", "value", value, "number_type", said("integer range"))
	}
	if err != nil || number < int64(o.least) || number > int64(o.most) {
		limits := strconv.Itoa(o.least) + "<=x<=" + strconv.Itoa(o.most)
		shown := value
		if err == nil {
			shown = strconv.FormatInt(number, 10)
		}
		return said("{value} is not in the range {range}.", "value", shown, "range", limits)
	}
	return ""
}

// wrongChoice is that value is none of choices; "": it is one.
func wrongChoice(value string, choices []string) string {
	if contains(choices, value) {
		return ""
	}
	list := "'" + strings.Join(choices, "', '") + "'"
	return said("{value!r} is not one of {choices}.", "value", value, "choices", list)
}

func isOutOfRange(err error) bool {
	number, ok := err.(*strconv.NumError)
	return ok && number.Err == strconv.ErrRange
}

// text is the last value of an option; "": it is not there.
func (p *parsed) text(name string) string {
	values := p.values[name]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// number is the value of an option that is a whole number; otherwise: it is not there.
func (p *parsed) number(name string, otherwise int) int {
	number, err := strconv.Atoi(p.text(name))
	if err != nil {
		return otherwise
	}
	return number
}

func (p *parsed) has(name string) bool { return len(p.values[name]) > 0 }
