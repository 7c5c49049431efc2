# shellcheck shell=sh
# The platform's services, and what names their processes: for start.sh, services.sh and stop.sh.
# shellcheck disable=SC2034 # they use what is set here

SERVICES="redis scheduler designer"
SECONDS_TO_END=10
RUN=$PLATFORM_HOME/run

began() { # when the process $1 began, in ticks; fails where it has ended
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
  # shellcheck disable=SC2086 # the fields behind the name, which may have blanks itself
  set -- ${stat##*) }
  case $1 in [ZX]) return 1 ;; esac
  printf '%s\n' "${20}"
}

note() { # the process $2 as $1; its number and when it began name it for good
  printf '%s %s\n' "$2" "$(began "$2")" 2>/dev/null >"$RUN/$1.pid"
}

runs() { # whether the process that was noted as $1 runs
  read -r pid since 2>/dev/null <"$RUN/$1.pid" && [ "$(began "$pid")" = "${since:-none}" ]
}

lives() { # whether anything of the service $1 runs: it, or what it left in its group
  read -r pid since 2>/dev/null <"$RUN/$1.pid" && [ -n "$since" ] || return 1
  case $(began "$pid") in '' | "$since") ;; *) return 1 ;; esac # another has its number by now
  for file in /proc/[0-9]*/stat; do
    read -r stat 2>/dev/null <"$file" || continue
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    [ "$3" != "$pid" ] || case $1 in [ZX]) ;; *) return 0 ;; esac
  done
  return 1
}

can_be_known() { # whether this user may read what was noted; says so where not
  for file in "$RUN" "$RUN"/*.pid; do
    [ -e "$file" ] || continue
    [ -r "$file" ] && { [ ! -d "$file" ] || [ -x "$file" ]; } && continue
    printf '[E]: Cannot read %s: Permission denied. What runs is not known.\n     %s\n' "$file" \
      "Check with \`ls -ld $file\`; run this as its owner." >&2
    return 1
  done
}

signal_services() { # all of $2 with $1
  for service in $2; do
    ! lives "$service" || kill "-$1" "-$pid" 2>/dev/null
  done
}

living() { # which of the services $1 live
  for service in $1; do ! lives "$service" || printf '%s ' "$service"; done
}

wait_for_services() { # of $1, at most for $2 tenths of a second
  tenths=$2
  while [ "$tenths" -gt 0 ] && [ -n "$(living "$1")" ]; do
    sleep 0.1
    tenths=$((tenths - 1))
  done
}

end_services() { # those of $1 are told to end, and killed if they do not
  signal_services TERM "$1"
  wait_for_services "$1" $((SECONDS_TO_END * 10))
  signal_services KILL "$1"
  wait_for_services "$1" 20
}

tell_ended() { # what became of those of $1; fails where one still runs
  status=0
  for service in $1; do
    if lives "$service"; then
      status=1
      printf 'Stopping %s[FAILED]\n' "$service"
      printf '[E]: %s still runs.\n     As root: %s\n' "$service" "\`kill -9 -$pid\`." >&2
    else
      printf 'Stopping %s[  OK  ]\n' "$service"
      rm -f -- "$RUN/$service.pid"
    fi
  done
  return $status
}
