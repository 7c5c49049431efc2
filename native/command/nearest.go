package command

import "sort"

const alike = 0.6

// nearest are at most so many of the words that are alike to word, the nearest first.
func nearest(word string, all []string, most int) []string {
	type match struct {
		word  string
		ratio float64
	}
	var matches []match
	for _, other := range all {
		if ratio := similarity(other, word); ratio >= alike {
			matches = append(matches, match{other, ratio})
		}
	}
	sort.SliceStable(matches, func(i, j int) bool {
		if matches[i].ratio != matches[j].ratio {
			return matches[i].ratio > matches[j].ratio
		}
		return matches[i].word > matches[j].word
	})
	var found []string
	for i := 0; i < len(matches) && i < most; i++ {
		found = append(found, matches[i].word)
	}
	return found
}

// similarity is twice the characters that match, by those of both (Ratcliff and Obershelp).
func similarity(one, other string) float64 {
	if len(one)+len(other) == 0 {
		return 1
	}
	return 2 * float64(matching([]rune(one), []rune(other))) / float64(len([]rune(one))+len([]rune(other)))
}

// matching is how many characters are in the longest common part, and in those before and after it.
func matching(one, other []rune) int {
	at, otherAt, length := 0, 0, 0
	for i := range one {
		for j := range other {
			k := 0
			for i+k < len(one) && j+k < len(other) && one[i+k] == other[j+k] {
				k++
			}
			if k > length {
				at, otherAt, length = i, j, k
			}
		}
	}
	if length == 0 {
		return 0
	}
	return length + matching(one[:at], other[:otherAt]) + matching(one[at+length:], other[otherAt+length:])
}
