package place

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"hostseal/problem"
)

const mountinfo = "/proc/self/mountinfo"

// notWritten is the problem that err is to whoever wrote path. own: the program chose that name;
// else whoever called it did, and can choose another.
func notWritten(err error, path string, own bool) *problem.Problem {
	folder := filepath.Dir(Absolute(path))
	var number syscall.Errno
	errors.As(err, &number)
	switch number {
	case syscall.EBUSY:
		return problem.New("file-is-mounted", "path", path, "folder", folder, "name", filepath.Base(path))
	case syscall.ENOENT:
		return problem.New("folder-missing", "folder", folder)
	case syscall.ENOTDIR:
		more := problem.Of("file", fileInTheWay(folder))
		return problem.New("folder-missing", "folder", folder).Advised([]string{"file-in-the-way"}, more)
	case syscall.EISDIR:
		refused := problem.New("path-is-folder", "path", path)
		if own {
			refused.Advised([]string{"folder-in-the-way"}, nil)
		}
		return refused
	case syscall.EROFS:
		advice := "read-only-elsewhere"
		if own {
			advice = "read-only"
		}
		refused := problem.New("folder-not-writable", "folder", folder, "reason", Words(err))
		return refused.Advised([]string{advice}, problem.Of("mount", mountOf(folder)))
	case syscall.EACCES, syscall.EPERM:
		return problem.New("folder-not-writable", "folder", folder, "reason", Words(err))
	case syscall.EDQUOT:
		refused := problem.New("disk-full", "folder", folder, "reason", Words(err))
		return refused.Advised([]string{"quota-used-up"}, nil)
	case syscall.ENOSPC:
		return problem.New("disk-full", "folder", folder, "reason", Words(err))
	}
	return problem.New("write-failed", "path", path, "folder", folder, "reason", Words(err))
}

// fileInTheWay is the part of folder that is no folder, though there it is.
func fileInTheWay(folder string) string {
	for folder != "/" {
		if _, err := os.Lstat(folder); err == nil {
			break
		}
		folder = filepath.Dir(folder)
	}
	return folder
}

// mountOf is the place on which the file system of folder is mounted; itself where that is not
// told.
func mountOf(folder string) string {
	mounted, err := mounts()
	if err != nil {
		return folder
	}
	at := Real(folder)
	for at != "/" {
		if _, isMount := mounted[inMountinfo(at)]; isMount {
			break
		}
		at = filepath.Dir(at)
	}
	return at
}

// A mount is what is mounted on a place.
type mount struct{ root, kind string }

// mounts are those of this process, by their places as the kernel writes them; of several on one
// place the last counts.
func mounts() (map[string]mount, error) {
	data, err := os.ReadFile(mountinfo)
	if err != nil {
		return nil, err
	}
	found := map[string]mount{}
	for _, line := range strings.Split(string(data), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		one := mount{root: fields[3]}
		for i := 6; i+1 < len(fields); i++ {
			if fields[i] == "-" {
				one.kind = fields[i+1]
				break
			}
		}
		found[fields[4]] = one
	}
	return found, nil
}

// inMountinfo is how the kernel writes a path there (proc(5)).
func inMountinfo(path string) string {
	return strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`).Replace(path)
}
