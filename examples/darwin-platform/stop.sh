#!/bin/sh
# Stops what start.sh started.
set -u

PLATFORM_HOME=$(dirname -- "$(readlink -f -- "$0")")

for file in "$PLATFORM_HOME"/run/*.pid; do
  [ -f "$file" ] || continue
  service=$(basename -- "$file" .pid)
  read -r pid since <"$file"
  # Only the process that was started: its number may be another's by now.
  if [ -r "/proc/$pid/stat" ] && [ "$(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f20)" = "$since" ]; then
    kill "$pid"
    printf 'Stopping %s[  OK  ]\n' "$service"
  fi
  rm -f -- "$file"
done
