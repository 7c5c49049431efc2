#!/bin/sh
# Starts the platform's services if the licence is valid on this host. Runs unattended.
#
# Fails closed: unless the check says that the licence is valid and exits with 0, no service is
# started and this script exits with the check's exit code (70: the check could not be run).
set -u

SERVICES="redis scheduler designer license_guard"
EXIT_UNCHECKED=70
EXIT_SERVICE=71

PLATFORM_HOME=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source-path=SCRIPTDIR source=platform_env
. "$PLATFORM_HOME/platform_env"
RUN=$PLATFORM_HOME/run

refuse() { # code, sentence, remedy
  printf '[E]: %s\n     %s\n' "$2" "$3" >&2
  printf '[E]: No service was started.\n' >&2
  exit "$1"
}

check_license() {
  said=$("$LICENSE_PYTHON" "$LICENSE_CLI" verify </dev/null)
  code=$?
  [ -z "$said" ] || printf '%s\n' "$said"
  case $code in
    0)
      # A client that was cut short by a full disk is an empty program, which ends with 0 too;
      # and so does another program in its place.
      printf '%s\n' "$said" | grep -q '^\[N\]: ' ||
        refuse $EXIT_UNCHECKED "The licence check did not confirm a valid licence." \
          "Check $LICENSE_CLI; if it is empty, copy it from the product again."
      ;;
    126 | 127)
      refuse $EXIT_UNCHECKED "Could not run the licence check: $LICENSE_PYTHON (exit $code)." \
        "Set LICENSE_PYTHON to Python 3.11 or later, such as /usr/bin/python3."
      ;;
    1)
      refuse 1 "The licence check failed." "The reason is above; send it to your vendor."
      ;;
    *)
      [ "$code" -gt 128 ] && refuse $EXIT_UNCHECKED \
        "The licence check was killed by signal $((code - 128))." \
        "Check that there is enough memory and start again. If it recurs, send this line to your vendor."
      printf '[E]: No service was started.\n' >&2
      exit "$code"
      ;;
  esac
}

began() { # when the process $1 began, in ticks: with its number, that names a process for good
  # Nothing for one that has ended (Z) and whose parent, often a container's first, does not care.
  [ -r "/proc/$1/stat" ] && sed -n 's/.*) \([^ZX] \)/\1/p' "/proc/$1/stat" | cut -d' ' -f20
}

runs() { # whether the service $1 runs
  [ -r "$RUN/$1.pid" ] || return 1
  read -r pid since <"$RUN/$1.pid" || return 1
  [ -n "$since" ] && [ "$(began "$pid")" = "$since" ]
}

prepare_run() { # all that is written below is looked at before anything is started
  command -v flock >/dev/null ||
    refuse $EXIT_SERVICE "The command flock is not installed." "Install it: \`apt-get install util-linux\`."
  mkdir -p "$RUN" 2>/dev/null
  { [ -d "$RUN" ] && [ -w "$RUN" ]; } || refuse_file "$RUN"
  (: >>"$RUN/start.lock") 2>/dev/null || refuse_file "$RUN/start.lock"
  for service in $SERVICES; do
    for file in "$RUN/$service.pid" "$RUN/$service.log"; do
      [ ! -e "$file" ] || { [ -f "$file" ] && [ -w "$file" ]; } || refuse_file "$file"
    done
  done
}

refuse_file() {
  refuse $EXIT_SERVICE "Cannot write $1." "$(look_at "$1")"
}

look_at() {
  printf '%s' "Check it with \`ls -ld $1\`; move it away, or give this user write access."
}

launch() { # a process that nobody could name later is not kept
  nohup sh "$PLATFORM_HOME/services/$1" </dev/null >>"$RUN/$1.log" 2>&1 9>&- &
  printf '%s %s\n' "$!" "$(began "$!")" 2>/dev/null >"$RUN/$1.pid" && return
  kill "$!"
  printf '[E]: Stopped %s: cannot write %s.\n     %s\n' \
    "$1" "$RUN/$1.pid" "$(look_at "$RUN/$1.pid")" >&2
}

start_services() { # with descriptor 9 on a file to lock: two starts at once start nothing twice
  flock 9 || refuse_file "$RUN/start.lock"
  launched=
  failed=0
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
      failed=1
      printf 'Starting %s[FAILED]\n' "$service"
      printf '[E]: %s did not start.\n     See %s.\n' "$service" "$RUN/$service.log" >&2
    fi
  done
  return $failed
}

printf '[N]: Using production build at "%s"\n' "$PLATFORM_HOME"
check_license
prepare_run
start_services 9>"$RUN/start.lock" || exit $EXIT_SERVICE
