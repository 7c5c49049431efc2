package place

import (
	"math/big"
	"sort"
	"strings"
	"time"

	"hostseal/license"
	"hostseal/problem"
)

const mostDays = 3650

// ParseSettings reads the text of conf/hostseal.toml (SPEC section 7.1), or says why it cannot be
// used. An unknown name is refused, as it may be a typing error in one that matters.
func ParseSettings(data []byte, path string) (license.Settings, *problem.Problem) {
	settings := license.DefaultSettings()
	settings.Path = path
	refused := func(reason any) (license.Settings, *problem.Problem) {
		return settings, problem.New("settings-invalid", "path", path, "reason", reason)
	}
	values, reason := readTOML(data)
	if reason != nil {
		return refused(reason)
	}
	var unknown []string
	for name := range values {
		switch name {
		case "product", "warn_days", "released", "roots_needed":
		default:
			unknown = append(unknown, name)
		}
	}
	if unknown != nil {
		return refused(problem.Because("unknown setting: {names}", "names", some(unknown)))
	}
	if value, isThere := values["product"]; isThere {
		product, ok := value.(string)
		if !ok || product == "" {
			return refused("product is not a quoted name")
		}
		settings.Product = product
	}
	if value, isThere := values["warn_days"]; isThere {
		days, ok := within(value, 0, mostDays)
		if !ok {
			return refused("warn_days is not a whole number from 0 to 3650")
		}
		settings.WarnDays = days
	}
	if value, isThere := values["roots_needed"]; isThere {
		needed, ok := within(value, 1, license.MaxInteger)
		if !ok {
			return refused("roots_needed is not a whole number of 1 or more")
		}
		settings.RootsNeeded = needed
	}
	if value, isThere := values["released"]; isThere {
		day, ok := value.(tomlDate)
		if !ok {
			return refused("released is not a date such as 2026-11-30")
		}
		at := time.Date(day.year, time.Month(day.month), day.day, 0, 0, 0, 0, time.UTC).Unix()
		settings.ReleasedAt = &at
	}
	return settings, nil
}

// some are the first of names, so that the sentence stays one that can be read.
func some(names []string) string {
	const most, longest = 3, 40
	sort.Strings(names)
	var shown []string
	for _, name := range names[:smaller(len(names), most)] {
		if runes := []rune(name); len(runes) > longest {
			name = string(runes[:longest]) + "…"
		}
		shown = append(shown, name)
	}
	if len(names) > most {
		shown = append(shown, "…")
	}
	return strings.Join(shown, ", ")
}

func within(value any, least, most int64) (int64, bool) {
	number, ok := value.(*big.Int)
	if !ok || !number.IsInt64() {
		return 0, false
	}
	return number.Int64(), least <= number.Int64() && number.Int64() <= most
}
