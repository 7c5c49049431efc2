package problem

type problemOf struct {
	slug     string
	code     int
	title    string
	sentence string
	remedy   string
	names    []string
}

type noticeOf struct{ slug, level, sentence, remedy string }

type remedyOf struct{ name, text string }

func findProblem(slug string) *problemOf {
	for i := range problems {
		if problems[i].slug == slug {
			return &problems[i]
		}
	}
	return nil
}

func problemRow(slug string) *problemOf {
	if row := findProblem(slug); row != nil {
		return row
	}
	panic("no such problem: " + slug)
}

func noticeRow(slug string) *noticeOf {
	for i := range notices {
		if notices[i].slug == slug {
			return &notices[i]
		}
	}
	panic("no such notice: " + slug)
}

func remedyText(name string) string {
	for i := range remedies {
		if remedies[i].name == name {
			return remedies[i].text
		}
	}
	panic("no such remedy: " + name)
}
