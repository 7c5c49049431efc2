#!/bin/bash
# The first process of private network, mount and process namespaces: runs one Docker daemon there.
#   docker.sh HOME STORAGE_DRIVER
# A line on standard input starts the daemon anew, with what HOME/daemon.json says then. Ends when
# the daemon ends, or when standard input does: whoever holds the other end of that pipe has closed
# it, or has died, even by SIGKILL. What is left then dies with the process namespace.
set -eu
home=$1
driver=$2

ip link set lo up
mount -t tmpfs tmpfs /run
mkdir -p /run/lock
echo '{}' >"$home/daemon.json" # not this machine's /etc/docker/daemon.json

start() {
  /usr/sbin/dockerd --config-file "$home/daemon.json" --data-root "$home/data" \
    --exec-root /run/dk --pidfile /run/d.pid -H "unix://$home/d.sock" \
    --storage-driver "$driver" --exec-opt native.cgroupdriver=cgroupfs </dev/null &
  daemon=$!
}

start
exec 3<&0 # a background job would get /dev/null as its standard input
{
  while read -r _ <&3; do
    touch /run/again
    kill -TERM "$(cat /run/d.pid)"
  done
  # Killed containers would leave their control groups behind; removed ones do not.
  /usr/bin/docker ps --all --quiet | xargs --no-run-if-empty /usr/bin/docker rm --force >/dev/null
  kill -TERM "$(cat /run/d.pid)"
} &

status=0
wait "$daemon" || status=$?
while [ -e /run/again ]; do
  rm /run/again
  start
  status=0
  wait "$daemon" || status=$?
done
# Only empty groups go: with another engine's containers inside, rmdir refuses.
rmdir /sys/fs/cgroup/docker /sys/fs/cgroup/*/docker 2>/dev/null || true
rm -rf "$home/data"
exit "$status"
