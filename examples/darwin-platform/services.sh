#!/bin/sh
# Runs the platform's services. start.sh lets `guard` start this, once the licence was seen to be
# valid; when that ends, or either of the two is killed, so does everything that was started here.
set -u

# shellcheck source-path=SCRIPTDIR source=processes.sh
. "$PLATFORM_HOME/processes.sh"

launch() { # in a group of its own; a process that nobody could name later is not kept
  setsid sh "$PLATFORM_HOME/services/$1" </dev/null >>"$RUN/$1.log" 2>&1 &
  note "$1" "$!" && return
  # Nothing milder: until it is a program of its own, it takes what this shell has a trap for.
  kill -KILL "-$!" 2>/dev/null
  kill -KILL "$!" 2>/dev/null
  printf '[E]: Stopped %s: cannot write %s.\n     %s\n' "$1" "$RUN/$1.pid" \
    "Check it with \`ls -ld $RUN/$1.pid\` and \`df -h $RUN\`."
}

start_services() { # those that do not run
  launched=
  for service in $SERVICES; do
    if runs "$service"; then
      printf '[N]: %s is already running.\n' "$service"
    else
      launch "$service"
      launched="$launched $service"
    fi
  done
  [ -z "$launched" ] || sleep 0.2 # what cannot run has ended by then
  for service in $launched; do
    if runs "$service"; then
      printf 'Starting %s[  OK  ]\n' "$service"
    else
      printf 'Starting %s[FAILED]\n' "$service"
      printf '[E]: %s did not start.\n     See %s.\n' "$service" "$RUN/$service.log"
    fi
  done
}

start_and_tell() { # start.sh waits for the file
  { printf '%s\n' "$1" && start_services; } >"$RUN/started.new" || end 71
  mv -f -- "$RUN/started.new" "$RUN/started" || end 71
  cat -- "$RUN/started"
}

end() { # with the exit code $1
  trap '' TERM INT HUP USR1
  end_services "$SERVICES"
  tell_ended "$SERVICES"
  exit "$1"
}

trap 'end 0' TERM INT HUP
trap 'start_and_tell "[N]: license_guard is already running."' USR1
tries=0 # a former one that is still ending would end what is started here
while runs services && [ "$tries" -lt 150 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
note services $$ || exit
end_services "$SERVICES" # of a former guard, which was killed together with its services.sh
start_and_tell 'Starting license_guard[  OK  ]' # it has checked, or this would not run
until wait; do :; done # a signal interrupts it
printf '[E]: All services have ended; see their logs in %s.\n' "$RUN" >&2
exit 71
