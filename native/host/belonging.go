package host

import (
	"strings"

	"hostseal/problem"
)

const (
	siteDigits = 64
	hexDigits  = "0123456789abcdef"
)

// belongs sets where a host belongs, as its operator hands it in: LICENSE_CLUSTER_UID and
// LICENSE_SITE. What cannot be used says why; whoever needs it refuses then.
func (f *Facts) belongs(p *probe, env func(name string) string) {
	f.ofCluster(p, env("LICENSE_CLUSTER_UID"))
	f.ofSite(p, env("LICENSE_SITE"))
}

// ofCluster takes the UID, or that in the file which is named, as an init container writes one.
func (f *Facts) ofCluster(p *probe, said string) {
	if said == "" {
		return
	}
	text := said
	if strings.HasPrefix(said, "/") {
		data := p.bytes(said)
		if data == nil {
			f.ClusterWhy = because("{path} does not exist", "path", said)
			return
		}
		text = decoded(data)
	}
	bare := strings.Trim(text, wrapping)
	if uid := strings.ToLower(bare); isUID(uid) {
		f.ClusterUID = uid
		return
	}
	if shown := []rune(bare); len(shown) > siteDigits {
		bare = string(shown[:siteDigits])
	}
	if bare == "" {
		bare = said
	}
	f.ClusterWhy = because("{said} is not a UID", "said", bare)
}

func isUID(text string) bool {
	groups := strings.Split(text, "-")
	if len(groups) != 5 || strings.Trim(text, "0-") == "" {
		return false
	}
	for at, size := range [...]int{8, 4, 4, 4, 12} {
		if len(groups[at]) != size || strings.Trim(groups[at], hexDigits) != "" {
			return false
		}
	}
	return true
}

func (f *Facts) ofSite(p *probe, folder string) {
	if folder == "" {
		return
	}
	if !strings.HasPrefix(folder, "/") {
		f.SiteWhy = because("LICENSE_SITE is {path}, which does not begin with a slash", "path", folder)
		return
	}
	f.SiteFile = strings.TrimRight(folder, "/") + "/" + SiteName
	data := p.bytes(f.SiteFile)
	if data == nil {
		f.SiteWhy = because("{path} does not exist", "path", f.SiteFile)
		return
	}
	site, wrong := ParseSite(data)
	if wrong != "" {
		f.SiteWhy = because("{path} is damaged: {reason}", "path", f.SiteFile, "reason", wrong)
		return
	}
	f.Site, f.Roster = site.Identity, site.Roster()
}

func isDigits(text string, digits int) bool {
	return len(text) == digits && strings.Trim(text, hexDigits) == ""
}

func because(template string, namesAndValues ...any) *problem.Reason {
	why := problem.Because(template, namesAndValues...)
	return &why
}
