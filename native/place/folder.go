package place

import (
	"os"

	"hostseal/host"
	"hostseal/problem"
)

// folderRemarks are that the licence is lost when this container is started again, where it is.
func (p Place) folderRemarks(facts *host.Facts) []problem.Notice {
	mount := p.mount(facts)
	// What is bound in from a machine's own tmpfs is a folder of that, and stays.
	if mount == nil || (mount.kind != "tmpfs" && mount.kind != "ramfs") || mount.root != "/" {
		return nil
	}
	return []problem.Notice{problem.Remark("conf-in-memory", "path", p.Conf)}
}

// explain says of settings that are not there that a folder hides those of the image, where one
// does.
func (p Place) explain(notices []problem.Notice, facts *host.Facts) {
	for i, notice := range notices {
		path, _ := notice.Values["path"].(string)
		if notice.Slug != "product-unset" || exists(path) || p.mount(facts) == nil {
			continue
		}
		more := host.Naming(facts)
		more["conf"] = Real(p.Conf)
		notices[i] = notice.Advised([]string{"settings-hidden"}, more)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// mount is what is mounted on the folder itself, in a container that can be named; nil: nothing.
func (p Place) mount(facts *host.Facts) *mount {
	if p.Root != "/" || (facts.Engine != "docker" && facts.Engine != "podman") {
		return nil
	}
	mounted, err := mounts()
	if err != nil {
		return nil // the probe has said so
	}
	if found, isMount := mounted[Real(p.Conf)]; isMount {
		return &found
	}
	return nil
}
