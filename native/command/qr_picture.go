package command

import (
	"fmt"
	"os"
	"strings"

	"hostseal/problem"
	"hostseal/qr"
)

// A QR code in a terminal: half blocks, or blanks in reverse video where there is no UTF-8.

// margins are modules around the code: as many as the standard says, or as cameras need.
var margins = [...]int{4, 2}

const (
	terminalRows   = 24 // of a terminal that does not say how high it is
	reverse, plain = "\x1b[7m", "\x1b[0m"
	unreserved     = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._~"
	vendorsForm    = "/licenses/new"
)

// A screen is what a code is shown on; no columns: it is no terminal, and as wide and high as need be.
type screen struct {
	columns, rows    int
	hasBlocks, obeys bool
}

func (s *session) screen() screen {
	here := screen{columns: s.columns[1], hasBlocks: !s.isASCII}
	if here.columns == 0 {
		return here
	}
	here.rows = rowsOf(1)
	term := os.Getenv("TERM")
	here.obeys = term != "" && term != "dumb"
	return here
}

// needed are the columns and lines of a code of so many modules a side.
func (s screen) needed(modules, margin int) (columns, rows int) {
	side := modules + 2*margin
	if s.hasBlocks {
		return side, (side + 1) / 2
	}
	return 2 * side, side
}

// hasRoom tells whether there are so many columns, and lines besides that of the prompt.
func (s screen) hasRoom(columns, rows int) bool {
	return s.columns == 0 || columns <= s.columns && rows < s.rows
}

// link is the address of the form at a URL, filled in with text: no server sees what is behind its #.
func link(url, text string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	authority, path, _ := strings.Cut(rest, "/")
	lower := strings.ToLower(scheme)
	isPlain := !strings.ContainsAny(url, " #\"<>\\^`{|}")
	for _, one := range url {
		isPlain = isPlain && one < 0x80
	}
	if lower != "https" && lower != "http" || authority == "" || !isPlain {
		panic(usage(problem.Because("{url} is no address such as https://desk.example.com", "url", url), "--help"))
	}
	form := vendorsForm
	if path != "" {
		form = "/" + path
	}
	return scheme + "://" + authority + form + "#host=" + percentEncoded(text)
}

func percentEncoded(text string) string {
	var out strings.Builder
	for at := 0; at < len(text); at++ {
		if strings.IndexByte(unreserved, text[at]) >= 0 {
			out.WriteByte(text[at])
		} else {
			fmt.Fprintf(&out, "%%%02X", text[at])
		}
	}
	return out.String()
}

// showCode shows the first of the texts whose code this terminal has room for; the last is the
// shortest, the host key line, which is said as it is where there is no room for any code.
func (s *session) showCode(texts []string, inverse bool) {
	here := s.screen()
	for _, text := range texts {
		square := qr.Encode(text)
		for _, margin := range margins {
			if square == nil || !here.hasRoom(here.needed(len(square), margin)) {
				continue
			}
			s.sayAsIs(here.lines(square, margin, inverse))
			if text != texts[0] {
				s.sayShorter(texts[0], here)
			}
			return
		}
	}
	line, margin := texts[len(texts)-1], margins[len(margins)-1]
	square := qr.Encode(line)
	if square == nil { // a hostname of hundreds of characters
		s.say(line)
		s.sayShorter(line, here)
		return
	}
	columns, rows := here.needed(len(square), margin)
	if columns <= here.columns {
		s.sayAsIs(here.lines(square, margin, inverse))
		s.remark(note("The QR code takes {rows} lines, and this terminal has {height}: make its window "+
			"larger or its font smaller.", "rows", rows, "height", here.rows))
		return
	}
	s.say(line)
	s.remark(note("A QR code takes {columns} columns here, and this terminal has {width}: make its window "+
		"larger or its font smaller. This is the host key line.", "columns", columns, "width", here.columns))
}

// sayShorter says why the host key line stands for text.
func (s *session) sayShorter(text string, here screen) {
	square := qr.Encode(text)
	if square == nil {
		s.remark(note("All of it is too long for a QR code: this is the host key line."))
		return
	}
	columns, rows := here.needed(len(square), margins[len(margins)-1])
	s.remark(note("All of it takes {columns} columns and {rows} lines as a QR code, and this terminal has "+
		"{width} and {height}: this is the host key line.",
		"columns", columns, "rows", rows, "width", here.columns, "height", here.rows))
}

// lines are those of a picture; what is lit is light, as on a dark terminal, or where inverse dark.
func (s screen) lines(square []string, margin int, inverse bool) []string {
	side := len(square) + 2*margin
	edge := strings.Repeat("0", margin)
	var rows []string
	for at := 0; at < side; at++ {
		row := strings.Repeat("0", side)
		if at >= margin && at < side-margin {
			row = edge + square[at-margin] + edge
		}
		if !inverse {
			row = strings.NewReplacer("0", "1", "1", "0").Replace(row)
		}
		rows = append(rows, row)
	}
	var lines []string
	if !s.hasBlocks {
		lit := "##"
		if s.obeys {
			lit = reverse + "  " + plain
		}
		for _, row := range rows {
			line := strings.NewReplacer("1", lit, "0", "  ").Replace(row)
			lines = append(lines, strings.TrimRight(strings.ReplaceAll(line, plain+reverse, ""), " "))
		}
		return lines
	}
	halves := map[string]string{"00": " ", "01": "▄", "10": "▀", "11": "█"}
	for at := 0; at < side; at += 2 {
		lower := strings.Repeat("0", side)
		if at+1 < side {
			lower = rows[at+1]
		}
		line := ""
		for x := range lower {
			line += halves[rows[at][x:x+1]+lower[x:x+1]]
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}
