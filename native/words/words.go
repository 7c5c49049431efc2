// Package words has the language of this process: English or Chinese.
//
// Words are looked up where they are said; what they are looked up by is the English text. Whoever
// reads --json goes by slugs, so the words there stay English.
package words

import (
	"sort"
	"strings"

	"hostseal/problem"
)

var isChinese bool

// Of is the language of POSIX's locale variables: "en" or "zh".
func Of(env func(string) string) string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := env(name); value != "" {
			if strings.HasPrefix(value, "zh") {
				return "zh"
			}
			return "en"
		}
	}
	return "en"
}

// Speak says everything from now on in a language.
func Speak(language string) { isChinese = language == "zh" }

// IsEnglish tells whether nothing needs to be translated.
func IsEnglish() bool { return !isChinese }

// Tr is text in the language of this process.
func Tr(text string) string {
	if !isChinese {
		return text
	}
	if spoken, isOwn := own[text]; isOwn {
		return spoken
	}
	at := sort.Search(len(chinese), func(i int) bool { return chinese[i][0] >= text })
	if at < len(chinese) && chinese[at][0] == text {
		return chinese[at][1]
	}
	return text
}

// Fill is text in the language of this process, with facts in their places.
func Fill(text string, facts problem.Values) string { return problem.Fill(Tr(text), facts) }
