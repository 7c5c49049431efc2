package command

import (
	"strconv"
	"strings"

	"hostseal/license"
	"hostseal/place"
	"hostseal/problem"
)

// request makes a request for the vendor that says more than the host key line.
func request(s *session, of parsed) int {
	path := of.text("--output")
	isShown := of.has("--qr")
	if !of.has("--output") || isShown {
		s.needReader()
	}
	facts := s.facts()
	order := s.order(&facts, of.text("--profile"))
	made := license.RequestOf(&facts, order.key, s.now)
	made.Customer, made.Product = of.text("--customer"), of.text("--product")
	if made.Product == "" {
		settings, refused := s.place.ReadSettings()
		orRefuse(refused)
		made.Product = settings.Product
	}
	if order.present != nil {
		made.Replaces = order.present.Jti
	}
	made.ReturnDigest = s.place.DigestToName(order.key.Key)
	text, err := made.Text()
	if err != nil {
		reason := problem.Because("Cannot create a request: {reason}.", "reason", license.ReasonOf(err))
		panic(usage(reason, "--help"))
	}
	s.rememberHost(&facts, order.profile)
	block := strings.TrimRight(text, "\n")
	text = requestHead(made) + text
	if isShown { // above it, or they would move it off the screen
		s.remarkAll(order.notices)
	}
	if !of.has("--output") && !isShown {
		s.say(text[:len(text)-1])
	} else if of.has("--output") {
		orRefuse(place.WriteNew(path, []byte(text)))
		s.remark(note("Request written to {path}; send it to your vendor.", "path", path))
	}
	if isShown {
		texts := []string{block, order.key.Line("")}
		if url := of.text("--to"); url != "" {
			texts = []string{link(url, block), block, link(url, texts[1]), texts[1]}
		}
		s.showCode(texts, of.has("--inverse"))
		return 0
	}
	s.remarkAll(order.notices)
	return 0
}

// requestHead is what stands before a request, for people.
func requestHead(of *license.Request) string {
	text := "Licence request. Please send this whole text to your vendor.\n\n"
	row := func(name, value string) {
		if value != "" {
			text += padded(name, 10) + problem.Printable(value) + "\n"
		}
	}
	row("Host key", of.Key)
	row("Hostname", of.Name)
	row("Profile", of.Profile)
	if of.Machines != nil {
		row("Machines", strconv.FormatInt(*of.Machines, 10))
	}
	if of.GPUs != nil {
		row("GPUs", strconv.FormatInt(*of.GPUs, 10))
	}
	row("Customer", of.Customer)
	row("Product", of.Product)
	row("Replaces", of.Replaces)
	row("Made", problem.UTC(*of.Iat))
	return text + "\n"
}
