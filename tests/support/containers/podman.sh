#!/bin/bash
# The first process of private network, mount and process namespaces, in which podman is run.
#   podman.sh HOME COMMAND...
# COMMAND is podman with its options. Says "ready", and ends when standard input does; containers
# that are left then die with the process namespace.
set -eu
home=$1
shift

ip link set lo up
mount -t tmpfs tmpfs /run # no systemd is seen here, nor any container of this machine
mkdir -p /run/lock
echo ready

read -r _ || true
# Killed containers would leave their control groups behind; removed ones do not.
"$@" rm --all --force --time 0 >/dev/null || true
rmdir /sys/fs/cgroup/libpod_parent{/*,} /sys/fs/cgroup/*/libpod_parent{/*,} 2>/dev/null || true
rm -rf "$home/root"
