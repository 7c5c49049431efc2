#!/bin/sh
# Starts the platform's services, if a licence allows it on this host. Nobody needs to be there.
#
# Fails closed: unless the check says that the licence holds and ends with exit 0, no service is
# started and this script ends with the check's exit code (70: the check could not be run).
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
        refuse $EXIT_UNCHECKED "The licence check did not say that a licence holds." \
          "Look at $LICENSE_CLI; copy it again from the product if it is empty."
      ;;
    126 | 127)
      refuse $EXIT_UNCHECKED "The licence check could not be run: $LICENSE_PYTHON (exit $code)." \
        "Set LICENSE_PYTHON to a Python 3.11 or later, such as /usr/bin/python3."
      ;;
    1)
      refuse 1 "The licence check failed." "Its reason stands above; send it to your vendor."
      ;;
    *)
      [ "$code" -gt 128 ] && refuse $EXIT_UNCHECKED \
        "The licence check was killed by signal $((code - 128))." \
        "Is there enough memory? Start again, and send this line to your vendor if it happens again."
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
    refuse $EXIT_SERVICE "The command flock is missing." "Install it: \`apt-get install util-linux\`."
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
  refuse $EXIT_SERVICE "$1 cannot be written." "$(look_at "$1")"
}

look_at() {
  printf '%s' "See what it is (\`ls -ld $1\`); move it away, or let this user write there."
}

launch() { # a process that nobody could name later is not kept
  nohup sh "$PLATFORM_HOME/services/$1" </dev/null >>"$RUN/$1.log" 2>&1 9>&- &
  printf '%s %s\n' "$!" "$(began "$!")" 2>/dev/null >"$RUN/$1.pid" && return
  kill "$!"
  printf '[E]: %s was ended: %s cannot be written.\n     %s\n' \
    "$1" "$RUN/$1.pid" "$(look_at "$RUN/$1.pid")" >&2
}

start_services() { # with descriptor 9 on a file to lock: two starts at once start nothing twice
  flock 9 || refuse_file "$RUN/start.lock"
  launched=
  failed=0
  for service in $SERVICES; do
    if runs "$service"; then
      printf '[N]: %s is running already.\n' "$service"
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
      printf '[E]: %s does not run.\n     Look at %s.\n' "$service" "$RUN/$service.log" >&2
    fi
  done
  return $failed
}

printf '[N]: Using production build at "%s"\n' "$PLATFORM_HOME"
check_license
prepare_run
start_services 9>"$RUN/start.lock" || exit $EXIT_SERVICE
