package license

import (
	"strings"
	"unicode/utf8"
)

const (
	mostColumns = 100
	longestCell = 131_072
)

// fromCells are the cells of a sheet, and its columns with a line in each, that have all tokens of the
// sheet.
func fromCells(text string) []string {
	text = excelBreak.get().ReplaceAllString(text, "")
	tokens, begins := beginnings(text)
	var found []string
	for _, delimiter := range []byte(",;\t") {
		if strings.IndexByte(text, delimiter) < 0 {
			continue
		}
		rows, isSheet := rowsOf(text, delimiter)
		if !isSheet {
			continue
		}
		var cells []string
		var columns [][]string
		for _, row := range rows {
			for n, cell := range row {
				if utf8.RuneCountInString(cell) >= leastCharacters {
					cells = append(cells, cell)
				}
				if n == len(columns) && n < mostColumns {
					columns = append(columns, nil)
				}
				if n < len(columns) {
					columns[n] = append(columns[n], cell)
				}
			}
		}
		for _, column := range columns {
			cells = append(cells, strings.Join(column, "\n"))
		}
		for _, cell := range cells {
			if utf8.RuneCountInString(cell) < leastCharacters {
				continue
			}
			if ofCell, begun := beginnings(cell); ofCell >= tokens && begun >= begins {
				found = append(found, cell)
			}
		}
	}
	return found
}

// rowsOf reads a sheet (RFC 4180), as spreadsheets do: a quote within a cell is part of it. It is none
// where a cell is too long.
func rowsOf(text string, delimiter byte) (rows [][]string, isSheet bool) {
	const start, bare, quoted, afterQuote = 0, 1, 2, 3
	var row []string
	var cell []byte
	state := start
	for at := 0; at <= len(text); at++ {
		isLast := at == len(text)
		var one byte
		if !isLast {
			one = text[at]
		}
		switch {
		case state == quoted && !isLast:
			if one == '"' {
				state = afterQuote
			} else {
				cell = append(cell, one)
			}
			continue
		case state == afterQuote && one == '"' && !isLast:
			cell, state = append(cell, one), quoted
			continue
		case !isLast && one == delimiter:
			row, cell, state = append(row, string(cell)), cell[:0], start
			continue
		case isLast || one == '\n' || one == '\r':
			if len(row) > 0 || len(cell) > 0 || state != start {
				rows = append(rows, append(row, string(cell)))
			}
			row, cell, state = nil, cell[:0], start
			continue
		case state == start && one == '"':
			state = quoted
			continue
		}
		cell, state = append(cell, one), bare
		if len(cell) > longestCell {
			return nil, false
		}
	}
	return rows, true
}
