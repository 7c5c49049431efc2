#!/bin/sh
# Starts the platform's services if the licence is valid on this host. Runs unattended.
#
# Fails closed: unless the check says that the licence is valid and exits with 0, no service is
# started and this script exits with the check's exit code (70: the check could not be run). The
# services run under `guard`: they end when the licence is no longer valid, or the guard is killed.
#
# As a container's first process, or with --foreground, this stays until they end.
set -u

EXIT_UNCHECKED=70
EXIT_SERVICE=71

PLATFORM_HOME=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source-path=SCRIPTDIR source=platform_env
. "$PLATFORM_HOME/platform_env"
# shellcheck source-path=SCRIPTDIR source=processes.sh
. "$PLATFORM_HOME/processes.sh"

refuse() { # code, sentence, remedy
  printf '[E]: %s\n     %s\n' "$2" "$3" >&2
  printf '[E]: No service was started.\n' >&2
  exit "$1"
}

nothing_started() {
  case ${LC_ALL:-${LC_MESSAGES:-${LANG:-}}} in
    zh*[Uu][Tt][Ff]*8) printf '[E]: 没有启动任何服务。\n' >&2 ;;
    *) printf '[E]: No service was started.\n' >&2 ;;
  esac
}

check_license() {
  said=$("$LICENSE_PYTHON" "$LICENSE_CLI" verify --wait-network 15 </dev/null)
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
        "Set LICENSE_PYTHON to Python 3.8 or later, such as /usr/bin/python3."
      ;;
    1)
      refuse 1 "The licence check failed." "The reason is above; send it to your vendor."
      ;;
    *)
      [ "$code" -gt 128 ] && refuse $EXIT_UNCHECKED \
        "The licence check was killed by signal $((code - 128))." \
        "Check that there is enough memory and start again. If it recurs, send this line to your vendor."
      nothing_started # in the language in which the check has said why
      exit "$code"
      ;;
  esac
}

check_product() { # an empty folder that is mounted over conf/ would hide which product this is
  file=$LICENSE_CONF/hostseal.toml
  told=$(LC_ALL=C grep -Eq '^[[:space:]]*product[[:space:]]*=' "$file" 2>&1)
  case $?:$told in
    0:*) ;;
    1:* | *': No such file or directory' | *': Not a directory')
      refuse $EXIT_UNCHECKED "$file names no product." \
        "Copy the file from the product again, with its line \`product = \"…\"\`."
      ;;
    *)
      refuse $EXIT_UNCHECKED "Cannot read $file: ${told##*: }." \
        "$(how_to_read "$LICENSE_CONF $file")"
      ;;
  esac
}

how_to_read() { # the remedy for the files $1
  printf '%s\n' "Check with \`ls -ld $1\`; run this as a user who can read that (this one: $(id -u))."
}

prepare_run() { # all that is written below is looked at before anything is started
  for tool in flock setsid; do
    command -v $tool >/dev/null ||
      refuse $EXIT_SERVICE "The command $tool is not installed." "Install it: \`apt-get install util-linux\`."
  done
  mkdir -p "$RUN" 2>/dev/null
  { [ -d "$RUN" ] && [ -w "$RUN" ]; } || refuse_file "$RUN"
  (: >>"$RUN/start.lock") 2>/dev/null || refuse_file "$RUN/start.lock"
  for name in $SERVICES services license_guard; do
    for file in "$RUN/$name.pid" "$RUN/$name.log"; do
      [ ! -e "$file" ] || { [ -f "$file" ] && [ -w "$file" ]; } || refuse_file "$file"
      [ ! -e "$file" ] || [ -r "$file" ] ||
        refuse $EXIT_SERVICE "Cannot read $file: Permission denied." "$(how_to_read "$file")"
    done
  done
  printf . 2>/dev/null >"$RUN/start.lock" || refuse $EXIT_SERVICE \
    "The disk is full: cannot write $RUN/start.lock." "Make room; see \`df -h $RUN\`."
}

refuse_file() {
  remedy="Check it with \`ls -ld $1\`; move it away, or give this user write access."
  ! LC_ALL=C touch "$1" 2>&1 | grep -q 'Read-only file system' ||
    remedy="Start a container that is read-only with \`--tmpfs $RUN\`."
  refuse $EXIT_SERVICE "Cannot write $1." "$remedy"
}

begin_guard() { # in this process, which has a number that others can read from now on
  read -r self _ </proc/self/stat
  note license_guard "$self" && exec "$@"
  exit $EXIT_SERVICE
}

start_platform() { # with descriptor 9 on a file to lock: two starts at once start nothing twice
  flock 9 || refuse_file "$RUN/start.lock"
  rm -f -- "$RUN/started"
  if runs license_guard; then
    guard=$pid
    ! runs services || kill -s USR1 "$pid" # start what does not run
  elif [ -n "$foreground" ]; then
    begin_guard "$@" 9>&-
  else
    begin_guard setsid "$@" </dev/null >>"$RUN/license_guard.log" 2>&1 9>&- &
    guard=$!
  fi
  until [ -e "$RUN/started" ]; do # not before the guard has checked
    began "$guard" >/dev/null || refuse_guard
    sleep 0.1
  done
  grep -Ev '^(\[E\]: |     )' "$RUN/started"
  ! grep -E '^(\[E\]: |     )' "$RUN/started" >&2
}

refuse_guard() {
  printf 'Starting license_guard[FAILED]\n'
  tail -n 5 "$RUN/license_guard.log" >&2
  refuse $EXIT_SERVICE "license_guard did not start." \
    "See $RUN/license_guard.log and \`df -h $RUN\`. LICENSE_GUARD_SECONDS must be unset or from 1 to 86400."
}

foreground=
if [ $$ = 1 ] || [ "${1:-}" = --foreground ]; then foreground=yes; fi
printf '[N]: Using production build at "%s"\n' "$PLATFORM_HOME"
check_product
check_license
prepare_run
start_platform "$LICENSE_PYTHON" "$LICENSE_CLI" guard --interval "${LICENSE_GUARD_SECONDS:-3600}" \
  --metrics "$RUN/license.prom" -- sh "$PLATFORM_HOME/services.sh" 9>"$RUN/start.lock" ||
  exit $EXIT_SERVICE
