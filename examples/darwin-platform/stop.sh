#!/bin/sh
# Stops what start.sh started, and says OK of what has ended.
set -u

PLATFORM_HOME=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source-path=SCRIPTDIR source=processes.sh
. "$PLATFORM_HOME/processes.sh"

can_be_known || exit 71
running=$(living "$SERVICES")
if runs license_guard; then # it hands the signal on to services.sh, and ends after that
  guard=$pid
  tenths=0 # what may not be told to end is not waited for
  ! kill "$guard" || tenths=$((SECONDS_TO_END * 10 + 50))
  while began "$guard" >/dev/null && [ "$tenths" -gt 0 ]; do
    sleep 0.1
    tenths=$((tenths - 1))
  done
  ! runs license_guard || kill -s KILL "$guard"
  running="$running license_guard"
fi
end_services "$SERVICES" # what was left
tell_ended "$running" || exit 71
