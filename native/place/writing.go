package place

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"hostseal/problem"
)

// Former stands behind the path of a file for the one that it was before.
const Former = ".old"

// Writing is held while files are written: whoever ends the program meanwhile leaves parts of them.
var Writing sync.Mutex

// A Replacement is a file that is to be replaced.
type Replacement struct {
	Path string
	Data []byte
	// KeepFormer: the old file, if it is another, stays beside it.
	KeepFormer bool
	// Named: somebody chose that name; else the program did.
	Named bool
	// Private: nobody but its owner may read it.
	Private bool
}

// ReplaceAll puts each of files in its place, in this order: all whole and on the disk, or none.
//
// It writes new files in the same folders, flushes them, renames them over the paths and flushes
// the folders; where a renaming fails, those before it are undone. A link is followed. Where the
// old file is kept, that is under the name that is returned for it; the one that had that name so
// far stays where anything fails. Nothing takes the place of a device, a pipe, a socket or a
// folder. Mode and owner stay as they were; a file that is new can be read by everybody.
func ReplaceAll(files ...Replacement) ([]string, *problem.Problem) {
	Writing.Lock()
	defer Writing.Unlock()
	var leftovers []string
	defer func() {
		for _, path := range leftovers {
			syscall.Unlink(path)
		}
	}()
	var kept []string
	var steps []step
	for _, file := range files {
		ofFile, refused := prepared(file, &leftovers)
		if refused != nil {
			return nil, refused
		}
		name := ""
		if len(ofFile) > 1 {
			name = ofFile[0].target
		}
		kept = append(kept, name)
		steps = append(steps, ofFile...)
	}
	return kept, renameAll(steps, &leftovers)
}

// A step is a renaming.
type step struct {
	source, target string
	own            bool
}

func (s step) told(err error) *problem.Problem { return notWritten(err, s.target, s.own) }

// prepared writes what is new; the last of the renamings that are left to do is of the file itself.
func prepared(file Replacement, leftovers *[]string) ([]step, *problem.Problem) {
	path, own := Real(file.Path), !file.Named
	suffix := "." + drawn() + ".tmp"
	fresh, before := path+suffix, path+Former+suffix
	*leftovers = append(*leftovers, fresh, before)
	if err := refuseSpecial(path); err != nil {
		return nil, notWritten(err, path, own)
	}
	if err := write(fresh, file.Data, path, file.Private); err != nil {
		return nil, notWritten(err, path, own)
	}
	put := step{fresh, path, own}
	if !file.KeepFormer || holds(path, file.Data) {
		return []step{put}, nil
	}
	duplicated, err := duplicate(path, before)
	if err != nil {
		return nil, notWritten(err, path, own)
	}
	if duplicated {
		if err := refuseSpecial(path + Former); err != nil {
			return nil, notWritten(err, path+Former, own)
		}
		return []step{{before, path + Former, own}, put}, nil
	}
	return []step{put}, nil
}

func renameAll(steps []step, leftovers *[]string) *problem.Problem {
	second := make([]string, len(steps)) // the names of what stood there; "": nothing did
	for i, one := range steps[:len(steps)-1] {
		name := one.source + Former
		*leftovers = append(*leftovers, name)
		duplicated, err := duplicate(one.target, name)
		if err != nil {
			return one.told(err)
		}
		if duplicated {
			second[i] = name
		}
	}
	folders := map[string]int{}
	defer func() {
		for _, fd := range folders {
			syscall.Close(fd)
		}
	}()
	for _, one := range steps {
		folder := filepath.Dir(one.target)
		if _, isOpen := folders[folder]; isOpen {
			continue
		}
		flags := syscall.O_RDONLY | syscall.O_DIRECTORY | syscall.O_CLOEXEC
		fd, err := syscall.Open(folder, flags, 0)
		if err != nil {
			return one.told(err)
		}
		folders[folder] = fd
	}
	for i, one := range steps {
		if err := syscall.Rename(one.source, one.target); err != nil {
			for done := i - 1; done >= 0; done-- {
				if second[done] == "" {
					syscall.Unlink(steps[done].target)
				} else {
					syscall.Rename(second[done], steps[done].target)
				}
			}
			return one.told(err)
		}
	}
	for _, fd := range folders {
		syscall.Fsync(fd) // all is in place: "the old file was left" would be untrue
	}
	return nil
}

// WriteNew writes or replaces a file that the operator named. A pipe or a device is written to;
// nothing takes its place.
func WriteNew(path string, data []byte) *problem.Problem {
	if isSpecial(path) && !IsFolder(path) {
		fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
		if err == nil {
			err = writeAll(fd, data)
			syscall.Close(fd)
		}
		if err != nil {
			return notWritten(err, path, false)
		}
		return nil
	}
	_, refused := ReplaceAll(Replacement{Path: path, Data: data, Named: true})
	return refused
}

// A Light is why a file that may be lost was not written.
type Light struct {
	Problem *problem.Problem
	// Said is what the system said of it.
	Said string
	// IsReadOnly: its file system is.
	IsReadOnly bool
}

// ReplaceLightly is for what may be lost: not flushed; nil: it was written.
func ReplaceLightly(path string, data []byte, named bool) *Light {
	Writing.Lock()
	err := replaceLightly(path, data)
	Writing.Unlock()
	if err == nil {
		return nil
	}
	return &Light{notWritten(err, path, !named), Words(err), errors.Is(err, syscall.EROFS)}
}

func replaceLightly(path string, data []byte) error {
	if err := refuseSpecial(path); err != nil {
		return err
	}
	fresh := path + "." + drawn() + ".tmp"
	fd, err := syscall.Open(fresh, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_EXCL|syscall.O_CLOEXEC, 0o666)
	if err != nil {
		return err
	}
	defer syscall.Unlink(fresh)
	defer syscall.Close(fd)
	if err := makeLike(fd, path, false); err != nil {
		return err
	}
	if err := writeAll(fd, data); err != nil {
		return err
	}
	return syscall.Rename(fresh, path)
}

// refuseSpecial is an error for a device or a pipe, which no file is to take the place of, and a
// folder.
func refuseSpecial(path string) error {
	if IsFolder(path) {
		return syscall.EISDIR
	}
	if isSpecial(path) {
		return errors.New("it is not a regular file")
	}
	return nil
}

// isSpecial: path is there and no plain file; a device or pipe must not be replaced by one.
func isSpecial(path string) bool {
	if _, err := os.Lstat(path); err != nil {
		return false
	}
	info, err := os.Stat(path)
	return err != nil || !info.Mode().IsRegular()
}

// CheckRemovable is what RemoveAll would refuse the file at path with, as far as can be told beforehand.
func CheckRemovable(path string) *problem.Problem {
	real := Real(path)
	if err := refuseSpecial(real); err != nil {
		return notWritten(err, path, true)
	}
	trial := real + "." + drawn() + ".tmp"
	fd, err := syscall.Open(trial, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_EXCL|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return notWritten(err, path, true)
	}
	syscall.Close(fd)
	syscall.Unlink(trial)
	var file, folder syscall.Stat_t
	if syscall.Stat(real, &file) == nil && syscall.Stat(filepath.Dir(real), &folder) == nil && file.Dev != folder.Dev {
		return notWritten(syscall.EBUSY, path, true)
	}
	return nil
}

// RemoveAll removes those of paths that are there, in this order, and flushes their folders. A link
// is followed, and stays.
func RemoveAll(paths ...string) *problem.Problem {
	Writing.Lock()
	defer Writing.Unlock()
	for _, path := range paths {
		real := Real(path)
		err := refuseSpecial(real)
		if err == nil {
			err = removeFlushed(real)
		}
		if err != nil {
			return notWritten(err, path, true)
		}
	}
	return nil
}

func removeFlushed(path string) error {
	fd, err := syscall.Open(filepath.Dir(path), syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	if err := syscall.Unlink(path); err != nil && err != syscall.ENOENT {
		return err
	}
	syscall.Fsync(fd) // it is gone: "it was left" would be untrue
	return nil
}

func write(path string, data []byte, model string, isPrivate bool) error {
	flags := syscall.O_WRONLY | syscall.O_CREAT | syscall.O_EXCL | syscall.O_CLOEXEC | syscall.O_NOFOLLOW
	fd, err := syscall.Open(path, flags, 0o600)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	if err := makeLike(fd, model, isPrivate); err != nil {
		return err
	}
	if err := writeAll(fd, data); err != nil {
		return err
	}
	return syscall.Fsync(fd)
}

func writeAll(fd int, data []byte) error {
	for len(data) > 0 {
		count, err := retried(func() (int, error) { return syscall.Write(fd, data) })
		if err != nil {
			return err
		}
		data = data[count:]
	}
	return nil
}

// makeLike gives a new file the mode, and where that is allowed the owner, of the one at model.
//
// Where there is none everybody may read it, whatever the umask: the product may well run as
// another user than whoever installs, and what is written here is no secret, but where it is private:
// then nobody but the owner may read it.
func makeLike(fd int, model string, isPrivate bool) error {
	mode, allowed := uint32(0o644), uint32(0o777)
	if isPrivate {
		mode, allowed = 0o600, 0o600
	}
	var info syscall.Stat_t
	if err := syscall.Stat(model, &info); err == syscall.ENOENT {
		return syscall.Fchmod(fd, mode)
	} else if err != nil {
		return err
	}
	err := syscall.Fchown(fd, int(info.Uid), int(info.Gid))
	if err != nil && err != syscall.EPERM && err != syscall.EACCES {
		return err
	}
	return syscall.Fchmod(fd, info.Mode&allowed)
}

// holds tells whether the file at path is data already; what cannot be read is another.
func holds(path string, data []byte) bool {
	present, _, err := readPlain(path, len(data))
	return err == nil && string(present) == string(data)
}

// duplicate gives the file at path a second name; false: there is no file.
func duplicate(path, second string) (bool, error) {
	err := syscall.Link(path, second)
	if err == nil {
		return true, nil
	}
	if err == syscall.ENOENT {
		return false, nil
	}
	if isSpecial(path) && !IsFolder(path) { // a pipe would be waited for
		return false, err
	}
	data, err := os.ReadFile(path) // a file system without links
	if err != nil {
		return false, err
	}
	return true, write(second, data, path, false)
}

func drawn() string {
	bytes := make([]byte, 6)
	if _, err := rand.Read(bytes); err != nil {
		panic(err)
	}
	return hex.EncodeToString(bytes)
}
