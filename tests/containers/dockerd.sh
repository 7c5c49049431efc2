#!/bin/bash
# The first process of private network, mount and process namespaces: runs one Docker daemon there.
#   dockerd.sh HOME STORAGE_DRIVER
# Ends when the daemon ends, or when standard input does: whoever holds the other end of that pipe
# has closed it, or has died, even by SIGKILL. What is left then dies with the process namespace.
set -eu
home=$1
driver=$2

ip link set lo up
mount -t tmpfs tmpfs /run
mkdir -p /run/lock
echo '{}' >"$home/daemon.json" # not this machine's /etc/docker/daemon.json

/usr/sbin/dockerd --config-file "$home/daemon.json" --data-root "$home/data" \
  --exec-root /run/dk --pidfile /run/d.pid -H "unix://$home/d.sock" \
  --storage-driver "$driver" --exec-opt native.cgroupdriver=cgroupfs </dev/null &
daemon=$!

exec 3<&0 # a background job would get /dev/null as its standard input
{
  read -r _ <&3 || true
  # Killed containers would leave their control groups behind; removed ones do not.
  /usr/bin/docker ps --all --quiet | xargs --no-run-if-empty /usr/bin/docker rm --force >/dev/null
  kill -TERM "$daemon"
} &

status=0
wait "$daemon" || status=$?
# Only empty groups go: with another engine's containers inside, rmdir refuses.
rmdir /sys/fs/cgroup/docker /sys/fs/cgroup/*/docker 2>/dev/null || true
rm -rf "$home/data"
exit "$status"
