package host

import "strings"

// What the folders, datasets and layers of engines look like.

const idDigits = 64

func isID(text string) bool { return len(text) == idDigits && isAll(text, isHex) }

// lastID is the last run of exactly 64 hexadecimal digits in text.
func lastID(text string) string {
	end := len(text)
	for end >= idDigits {
		if !isHex(text[end-1]) {
			end--
			continue
		}
		start := end
		for start > 0 && isHex(text[start-1]) {
			start--
		}
		if end-start == idDigits {
			return text[start:end]
		}
		end = start
	}
	return ""
}

// container finds the folder "/containers/<64 digits>/" in a path, or the same with the name of a
// storage driver before it, as in "/overlay-containers/<64 digits>/".
func container(path string) (driver, id string, ok bool) {
	parts := strings.Split(path, "/")
	for at := 1; at+2 < len(parts); at++ {
		name := parts[at]
		if name != "containers" {
			driver = strings.TrimSuffix(name, "-containers")
			isDriver := isAll(driver, func(b byte) bool { return isDigit(b) || ('a' <= b && b <= 'z') })
			if driver == name || !isDriver {
				continue
			}
		} else {
			driver = ""
		}
		if isID(parts[at+1]) {
			return driver, parts[at+1], true
		}
	}
	return "", "", false
}

func storageDriver(root string) (string, bool) {
	driver, _, ok := container(root)
	return driver, ok
}

func folderOfContainer(root string) (string, bool) {
	_, id, ok := container(root)
	return id, ok
}

// onOwnDisk: the folder of containers is a disk of its own, so that an id is the first part.
func onOwnDisk(root string) (string, bool) {
	parts := strings.Split(root, "/")
	if len(parts) != 3 || parts[0] != "" || !isID(parts[1]) {
		return "", false
	}
	switch parts[2] {
	case "hostname", "hosts", "resolv.conf":
		return parts[1], true
	}
	return "", false
}

// withNamespace finds "/containers/<a folder>/<64 digits>/", as nerdctl has them.
func withNamespace(root string) (string, bool) {
	parts := strings.Split(root, "/")
	for at := 1; at+3 < len(parts); at++ {
		if parts[at] == "containers" && parts[at+1] != "" && isID(parts[at+2]) {
			return parts[at+2], true
		}
	}
	return "", false
}

// folderOfPod finds "/pods/<a folder>/" and what the kubelet keeps there.
func folderOfPod(root string) (string, bool) {
	parts := strings.Split(root, "/")
	for at := 1; at+2 < len(parts); at++ {
		isFolder := parts[at] == "pods" && parts[at+1] != ""
		isContainers := parts[at+2] == "containers" && at+3 < len(parts)
		if isFolder && (isContainers || strings.HasPrefix(parts[at+2], "etc-hosts")) {
			return "", true
		}
	}
	return "", false
}

// snapshot tells whether the last three parts are "snapshots/<number>/fs".
func snapshot(parts []string) bool {
	last := len(parts) - 1
	return last >= 2 && parts[last-2] == "snapshots" && isAll(parts[last-1], isDigit) &&
		parts[last] == "fs"
}

// isEnginesLayer tells whether a path ends in a layer as engines name them.
func isEnginesLayer(upper string) bool {
	parts := strings.Split(upper, "/")
	last := len(parts) - 1
	if last >= 3 && snapshot(parts) {
		return true
	}
	return last >= 2 && isID(parts[last-1]) && (parts[last] == "diff" || parts[last] == "fs")
}

// nameOfLayer is the end of a path that names a layer, without the folder before it, which may be
// moved.
func nameOfLayer(upper string) string {
	parts := strings.Split(upper, "/")
	last := len(parts) - 1
	if snapshot(parts) {
		return strings.Join(parts[last-2:], "/")
	}
	if last >= 1 && isID(parts[last-1]) && parts[last] == "diff" {
		return parts[last-1] + "/diff"
	}
	return ""
}

// anyPart tells whether one of the parts of a path behind its first slash fits.
func anyPart(path string, fits func(part string) bool) bool {
	for _, part := range strings.Split(path, "/")[1:] {
		if fits(part) {
			return true
		}
	}
	return false
}

// isEnginesSubvolume: a subvolume has a root of its own on a machine, too.
func isEnginesSubvolume(part string) bool {
	switch part {
	case "machines", "lxc", "lxd", "incus", "containers", "docker", "rootfs":
		return true
	}
	return strings.HasPrefix(part, "io.containerd")
}

// isEnginesDataset: on ZFS a container has a dataset of its own, in the pool of its engine.
func isEnginesDataset(part string) bool {
	switch part {
	case "containers", "lxc", "lxd", "incus", "docker", "containerd":
		return true
	}
	if !strings.HasPrefix(part, "subvol-") {
		return false
	}
	number, disk, isDisk := strings.Cut(part[len("subvol-"):], "-disk-")
	return isDisk && isAll(number, isDigit) && isAll(disk, isDigit)
}
