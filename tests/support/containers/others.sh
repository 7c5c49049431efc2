#!/bin/bash
# The first process of private network, mount and process namespaces, in which containers of
# containerd, runc, LXC and systemd-nspawn are run.
#   others.sh HOME
# Says "ready", and ends when standard input does; what is left then dies with the process namespace.
set -eu
home=$1

ip link set lo up
ip link add lan0 type bridge
ip address add 192.168.7.20/24 dev lan0
ip link set lan0 up
mount -t tmpfs tmpfs /run
mkdir -p /run/lock
if command -v containerd >/dev/null; then
  cat >"$home/containerd.toml" <<TOML
version = 2
root = "$home/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "/run/containerd.sock"
TOML
  containerd -c "$home/containerd.toml" >"$home/containerd.log" 2>&1 </dev/null &
  for _ in $(seq 300); do
    ctr -a /run/containerd.sock version >/dev/null 2>&1 && break
    read -r -t 0.1 _ <> <(:) || true
  done
  ctr -a /run/containerd.sock image import "$home/image.tar" >/dev/null
fi
echo ready

read -r _ || true
# Only empty groups go: where another engine has some, rmdir refuses.
rmdir /sys/fs/cgroup{/*,}/{default,lxc.pivot} 2>/dev/null || true
rm -rf "$home"/containerd "$home"/gpu*
