package host

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	cardsFolder  = "proc/driver/nvidia/gpus"
	nvidiaWaits  = 10 * time.Second
	nvidiaToDie  = time.Second
	usualFolders = "/bin:/usr/bin"
)

// countGPUs is how many NVIDIA GPUs the host under root can use: 0 without a driver, Uncounted where
// it cannot be told. A part of one (MIG) counts with the card that it is a part of.
//
// The driver's folder lists those of the machine; a container has the devices of its own. Where the
// folder is hidden although there is a driver, nvidia-smi is run, on the host of this process only, from
// the folders of path.
func countGPUs(root, path string) int {
	cards, err := os.ReadDir(filepath.Join(root, cardsFolder))
	if err != nil {
		if !exists(filepath.Join(root, "dev/nvidiactl")) && !exists(filepath.Join(root, "dev/dxg")) {
			return 0
		}
		if root != "/" {
			return Uncounted
		}
		said, ok := runNvidia(path, nvidiaWaits)
		if !ok {
			return Uncounted
		}
		return listedGPUs(said)
	}
	count := 0
	for _, card := range cards {
		if hasDevice(root, card.Name()) {
			count++
		}
	}
	return count
}

// hasDevice tells whether the device of a card is there; of one without a number that cannot be told.
func hasDevice(root, card string) bool {
	data, err := read(filepath.Join(root, cardsFolder, card, "information"))
	if err != nil {
		return true
	}
	for _, line := range bytes.FieldsFunc(data, func(r rune) bool { return r == '\n' || r == '\r' }) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		number := string(trimmedBytes(value))
		if string(trimmedBytes(name)) == "Device Minor" && isAll(number, isDigit) {
			if number = strings.TrimLeft(number, "0"); number == "" {
				number = "0"
			}
			return exists(filepath.Join(root, "dev/nvidia"+number))
		}
	}
	return true
}

// trimmedBytes are those of data without the white space of ASCII around them.
func trimmedBytes(data []byte) []byte { return bytes.TrimFunc(data, isASCIISpace) }

// listedGPUs are those in what nvidia-smi -L says; its lines of MIG devices are indented.
func listedGPUs(text string) int {
	count := 0
	for _, line := range lines(text) {
		if strings.HasPrefix(line, "GPU ") {
			count++
		}
	}
	return count
}

// runNvidia is what nvidia-smi says of the GPUs. One that hangs in the driver cannot even be killed,
// and is left behind.
func runNvidia(path string, patience time.Duration) (string, bool) {
	program, ok := found("nvidia-smi", path)
	if !ok {
		return "", false
	}
	var said bytes.Buffer
	command := exec.Cmd{Path: program, Args: []string{"nvidia-smi", "-L"}, Stdout: &said}
	if command.Start() != nil {
		return "", false
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	select {
	case err := <-ended:
		return decoded(said.Bytes()), err == nil
	case <-time.After(patience):
	}
	_ = command.Process.Kill()
	select {
	case <-ended:
	case <-time.After(nvidiaToDie):
	}
	return "", false
}

// found is where a program is in the folders of a path.
func found(program, path string) (string, bool) {
	if path == "" {
		path = usualFolders
	}
	for _, folder := range filepath.SplitList(path) {
		file := filepath.Join(folder, program)
		if of, err := os.Stat(file); err == nil && of.Mode().IsRegular() && of.Mode().Perm()&0o111 != 0 {
			return file, true
		}
	}
	return "", false
}
