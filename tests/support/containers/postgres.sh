#!/bin/sh
# PostgreSQL in a container as its official image starts it, of the one that this machine has: the
# database POSTGRES_USER is made once, on a server of its own, and then the command is run.
set -eu
data=/var/lib/postgresql/data
as() { setpriv --reuid=1000 --regid=1000 --clear-groups "$@"; }
chown -R 1000:1000 "$data" /run/postgresql
if [ ! -e "$data/PG_VERSION" ]; then
  as initdb -D "$data" -U "$POSTGRES_USER" --auth=trust --encoding=UTF8 --no-locale >/dev/null
  echo "unix_socket_directories = '/run/postgresql'" >>"$data/postgresql.conf"
  as pg_ctl -D "$data" -o "-c listen_addresses=" -w start >/dev/null
  as createdb -h /run/postgresql -U "$POSTGRES_USER" "$POSTGRES_USER"
  as pg_ctl -D "$data" -w stop >/dev/null
fi
exec setpriv --reuid=1000 --regid=1000 --clear-groups "$@" -D "$data"
