package place

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"hostseal/problem"
)

// MaxFile is the size of the largest file that is read, but for a revocation list.
const MaxFile = 64 * 1024

// MaxRevocations is the size of the largest revocation list.
const MaxRevocations = 16 * 1024 * 1024

// Read is what the plain file path has in it; nil: there is none. It never blocks on a pipe.
//
// A link that leads nowhere is no missing file: whoever made it meant one to be there.
func Read(path string, most int) ([]byte, *problem.Problem) {
	data, size, err := readPlain(path, most)
	switch {
	case errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR):
		if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeSymlink == 0 {
			return nil, nil
		}
		broken := unreadable(path, "it is a broken symbolic link")
		return nil, broken.Advised([]string{"broken-link"}, nil)
	case err != nil:
		return nil, Unreadable(path, err)
	case len(data) > most:
		if size < int64(len(data)) {
			size = int64(len(data))
		}
		return nil, TooLarge(path, size, most, data)
	}
	return data, nil
}

// TooLarge is that path, which begins with data, has more than most bytes.
func TooLarge(path any, size int64, most int, data []byte) *problem.Problem {
	slug := "file-too-large"
	if most == MaxRevocations && bytes.Contains(data, []byte("LICENSE REVOCATIONS")) {
		slug = "list-too-large"
	}
	return problem.New(slug, "path", path, "size", size, "cap", most)
}

func readPlain(path string, most int) ([]byte, int64, error) {
	flags := syscall.O_RDONLY | syscall.O_NONBLOCK | syscall.O_NOCTTY | syscall.O_CLOEXEC
	fd, err := retried(func() (int, error) { return syscall.Open(path, flags, 0) })
	if err != nil {
		return nil, 0, err
	}
	defer syscall.Close(fd)
	var info syscall.Stat_t
	if err := syscall.Fstat(fd, &info); err != nil {
		return nil, 0, err
	}
	switch info.Mode & syscall.S_IFMT {
	case syscall.S_IFREG:
	case syscall.S_IFDIR:
		return nil, 0, errors.New("it is a folder")
	default:
		return nil, 0, errors.New("it is not a regular file")
	}
	data, err := ReadAtMost(fd, most+1, int(info.Size))
	return data, info.Size, err
}

// ReadAtMost reads a descriptor to its end, or so many bytes; expected is how many there may be.
func ReadAtMost(fd, most, expected int) ([]byte, error) {
	if expected < 0 || expected >= most {
		expected = most - 1
	}
	data := make([]byte, 0, expected+1)
	for len(data) < most {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		end := cap(data)
		if end > most {
			end = most
		}
		count, err := retried(func() (int, error) { return syscall.Read(fd, data[len(data):end]) })
		if err != nil {
			return nil, err
		}
		if count == 0 {
			break
		}
		data = data[:len(data)+count]
	}
	return data, nil
}

func retried(call func() (int, error)) (int, error) {
	for {
		count, err := call()
		if err != syscall.EINTR {
			return count, err
		}
	}
}

// Unreadable is the problem that err is to whoever reads path.
func Unreadable(path string, err error) *problem.Problem {
	refused := unreadable(path, Words(err))
	if errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EPERM) {
		if barred := FirstBarred(path); barred != "" {
			refused.Advised([]string{"may-not-enter"}, problem.Of("folder", barred))
		}
	}
	return refused
}

func unreadable(path string, reason any) *problem.Problem {
	return problem.New("file-unreadable", "path", path, "reason", reason)
}

// FirstBarred is the first folder on the way to path that this user may not enter; "": there is
// none.
func FirstBarred(path string) string {
	const mayEnter = 1
	barred := ""
	for folder := filepath.Dir(Absolute(path)); folder != "/" && folder != "."; folder = filepath.Dir(folder) {
		if IsFolder(folder) && syscall.Access(folder, mayEnter) != nil {
			barred = folder
		}
	}
	return barred
}

// IsFolder tells whether path is a folder.
func IsFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Absolute is path from the root on; as it is in a working folder that has been removed.
func Absolute(path string) string {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return absolute
}

// Real is path with links followed, as far as there is something.
func Real(path string) string {
	path = Absolute(path)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	if path == "/" {
		return path
	}
	if target, err := os.Readlink(path); err == nil { // a link that leads nowhere
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		if target != path {
			return filepath.Join(Real(filepath.Dir(target)), filepath.Base(target))
		}
	}
	return filepath.Join(Real(filepath.Dir(path)), filepath.Base(path))
}

// Words are what the system says of err, without numbers and paths: those of the C library.
func Words(err error) string {
	var number syscall.Errno
	if !errors.As(err, &number) {
		return err.Error()
	}
	text := number.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}
