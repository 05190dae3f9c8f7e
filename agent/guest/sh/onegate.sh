#!/bin/sh
# onegate.sh: the `onegate` command for guests without Node, one file to copy: the same commands, options, outputs and
# exit codes, in POSIX sh and awk, over curl, GNU wget, or nc (busybox wget cannot PUT). Say `onegate.sh --help`.
# The token travels in files that only this user can read, never on a command line, where `ps` would show it.
# Failures below `ask` and `read_context` set $failure and return 1: `ready` goes on after them, the others end.
set -u

caller_environment=$(export -p)
# Bytes, not characters: lengths are Content-Lengths, and every awk agrees on them.
LC_ALL=C
export LC_ALL

ONE_ENV=/var/run/one-context/one_env
MAX_CONTEXT_BYTES=1048576
MAX_TOKEN_BYTES=8192
# In the 512-byte blocks of `ulimit -f`: 16 MiB.
MAX_ANSWER_BLOCKS=32768
MAX_RETRIES=20
MAX_TIMEOUT_S=3600
MAX_RETRY_COUNT=1000
MAX_RETRY_WAIT_S=86400
MAX_READY_SCRIPT_S=3600
MAX_WAIT_S=10
# A server that wants one to wait for longer is told of at once.
MAX_RETRY_AFTER_S=300
MAX_CHECK_S=5
MAX_CURL_CHECK_S=2
MAX_REASON_BYTES=200
MAX_HOLD_S=60
POLL_S=5
# A command that is at work when the watch ends may finish; then it is ended with all it started.
GRACE_S=10
# Linux carries at most 128 KiB in one variable, and a context may hold more.
MAX_VARIABLE_BYTES=30000

FORM=application/x-www-form-urlencoded
JSON=application/json

work='' client='' applet='' nc_option='' client_pid='' watchdog_pid='' timer_pid='' feeder_pid='' nap_pid='' runner_pid=''
settled=''
failure='' trimmed='' token='' known_etag=''

print_help() {
  cat >&2 <<'HELP'
## COMMANDS

onegate vm show [VMID] [-j|--json]
onegate vm update [VMID] -d|--data KEY=VALUE[\nKEY2=VALUE2]
onegate vm update [VMID] -e|--erase KEY
onegate vm ACTION VMID [-f|--hard]
    ACTION: resume, stop, suspend, terminate, reboot, poweroff,
            resched, unresched, hold, release
onegate service show [-j|--json] [--extended]
onegate service scale -r|--role ROLE -c|--cardinality N
onegate vrouter show [-j|--json] [--extended]
onegate vnet show VNETID [-j|--json] [--extended]

onegate vm get PATH [--id VMID]
onegate service get PATH
    prints one value, as USER_TEMPLATE/READY, TEMPLATE/NIC/0/IP, roles/web/state;
    exit code 1 where there is none
onegate watch [vm|service] [PATH] [--id VMID] [--wait S] [--exec COMMAND] [--once] [-j]
    prints it, and again whenever it changes, or runs COMMAND for each change
    with it on its standard input and in ONEGATE_VALUE; --once: the first only
onegate identity --audience AUDIENCE [--lifetime S]
    prints a signed token that tells others who this VM is
onegate token [--lifetime S] [--scope SCOPE] [-j]
    prints a short-lived token for OneGate
onegate ready [--tcp PORTS] [--http URLS] [--file PATH] [--unit UNITS]
    reports READY=YES if the context says REPORT_READY=YES, once
    all checks pass and READY_SCRIPT_PATH or READY_SCRIPT succeeds;
    else, with a check or REPORT_READY_FAILURE=YES, READY=NO and READY_REASON
onegate doctor [-j]
    finds out why OneGate cannot be used, and what to do

## OPTIONS

-j, --json           the server's JSON
-d, --data TEXT      attributes to add or replace
-e, --erase KEY      attribute to remove
-f, --hard           terminate, reboot or power off at once
    --extended       everything about the VMs of a service, or the leases of a network
-r, --role ROLE      role of the service
-c, --cardinality N  how many VMs the role shall have
-k, --insecure       take any TLS certificate; also ONEGATE_INSECURE=YES
    --retries N      tries after a failed connection, a limit or a 5xx answer: 3; also ONEGATE_RETRIES
    --timeout S      seconds that one try may take: 30; also ONEGATE_TIMEOUT
-h, --help           this text

Options may stand anywhere. An action is not sent again when it may already have been done.

## ENVIRONMENT

ONEGATE_ENDPOINT, TOKENTXT (or ONEGATE_TOKEN: the token, or the file that holds it), VMID:
from the environment, from context.sh and token.txt in CONTEXT_DIR, or else from
/var/run/one-context/one_env. http_proxy, https_proxy and no_proxy are honoured.

## EXAMPLES

onegate vm show
onegate --json service show
onegate vm update --data "READY=YES"
onegate vm update 9 --erase ACTIVE
onegate vm terminate --hard 9
onegate service scale --role slave --cardinality 2
onegate vm get USER_TEMPLATE/READY
onegate watch service roles/web/cardinality --exec ./rebalance
HELP
}

# How it ends.

fail() {
  printf 'ERROR: \n%s\n' "$1" >&2
  if [ -n "$runner_pid" ]; then
    rm -f "$work/next"
    await_commands
  fi
  exit 255
}

# A misuse that the original tells in one line.
misuse() {
  printf '%s\n' "$1" >&2
  exit 255
}

unsupported() {
  print_help
  misuse "
Action ${1:-} not supported"
}

# With its group where it leads one: scripts and commands do, or are about to, so the group is told twice.
# SIGKILL, since between fork and exec a shell still has its parent's traps, and would lose a SIGTERM.
kill_child() {
  kill -KILL "-$1" 2>/dev/null
  kill -KILL "$1" 2>/dev/null
  kill -KILL "-$1" 2>/dev/null
}

# Ends $1, a child of this shell, and waits until it is gone. $settled: of the last one that is.
end_child() {
  kill_child "$1"
  wait "$1" 2>/dev/null
  settled=$1
}

# All but the runner of a watch. A signal may come after the start of a process and before the line that notes its pid;
# $! knows it at once.
end_children() {
  # Nothing may have been started yet.
  set +u
  last_pid=$!
  set -u
  case $last_pid in "$settled" | "$runner_pid") last_pid='' ;; esac
  for pid in $client_pid $watchdog_pid $timer_pid $feeder_pid $nap_pid $last_pid; do
    [ "$pid" = "$runner_pid" ] || end_child "$pid"
  done
  client_pid='' watchdog_pid='' timer_pid='' feeder_pid='' nap_pid=''
}

# The command of a watch is no child of this shell, but the runner told its pid.
end_runner() {
  [ -n "$runner_pid" ] || return 0
  end_child "$runner_pid"
  runner_pid=''
  if [ -s "$work/command" ] && read -r pid <"$work/command"; then kill_child "$pid"; fi
}

clean_up() {
  trap '' HUP INT TERM
  end_children
  end_runner
  [ -z "$work" ] || rm -rf "$work"
  work=''
}

# Cleans up by itself: a signal that comes amid the EXIT trap is the end of that.
end_with() {
  clean_up
  exit "$1"
}
trap clean_up EXIT
trap 'end_with 129' HUP
trap 'end_with 130' INT
trap 'end_with 143' TERM

# Text.

# Sets $trimmed: $1 without blanks at its ends.
trim() {
  trimmed=${1#"${1%%[![:space:]]*}"}
  trimmed=${trimmed%"${trimmed##*[![:space:]]}"}
}

# $1 in double quotes, for a message.
shown() {
  sed -e 's/[\\"]/\\&/g' -e '1s/^/"/' -e '$!s/$/\\n/' -e '$s/$/"/' <<TEXT | tr -d '\n'
$1
TEXT
}

# Percent-encodes standard input. $1: what stays as it is besides letters and digits; $2: what stands for a blank.
percent_encoded() {
  # Small busyboxes have an od that knows no -t.
  { od -An -v -tx1 2>/dev/null || hexdump -v -e '1/1 "%02x "'; } | awk -v kept="$1" -v blank="$2" '
    BEGIN {
      for (code = 33; code < 127; code++) {
        character = sprintf("%c", code)
        if (character ~ /[A-Za-z0-9]/ || index(kept, character)) plain[sprintf("%02x", code)] = character
      }
      plain["20"] = blank
    }
    { for (i = 1; i <= NF; i++) printf "%s", ($i in plain) ? plain[$i] : "%" toupper($i) }'
}

# $1 as one segment of a path.
segment() {
  printf '%s' "$1" | percent_encoded "-_.!~*'()" %20
}

# $2, named $1 in messages, must be a number from $3 to $4. Sets $trimmed.
bounded() {
  trim "$2"
  case $trimmed in
    '' | *[!0-9.]* | .* | *. | *.*.*) ;;
    # Whole and short, within whole numbers: no program is needed to see it.
    0 | [1-9] | [1-9][0-9] | [1-9][0-9][0-9])
      if [ "$trimmed" -gt "${3%.*}" ] || [ "$trimmed" = "$3" ]; then [ "$trimmed" -gt "$4" ] || return 0; fi
      ;;
    *)
      trimmed=$(awk -v value="$trimmed" -v least="$3" -v most="$4" '
        BEGIN { value += 0; if (value >= least + 0 && value <= most + 0) print value }')
      [ -z "$trimmed" ] || return 0
      ;;
  esac
  failure="$1 must be a number from $3 to $4, not $(shown "$2")."
  return 1
}

# The command line.

word_count=0 resource='' action='' id='' has_id=no
json=no hard=no extended=no insecure=no help=no
data='' has_data=no erase='' has_erase=no role='' cardinality='' option_retries='' has_retries=no
option_timeout='' has_timeout=no
option_id='' has_option_id=no option_wait=30 option_exec='' has_exec=no option_audience='' option_lifetime=''
option_scope='' has_scope=no once=no option_tcp='' option_http='' option_file='' option_unit=''

# Sets $option to the long option that $1 (with its dashes) means; any beginning that only one has will do.
resolve_long() {
  option=''
  case ${1#--} in
    # Only whole: beginnings that mean an option of the original must go on meaning it.
    once | id | wait | exec | audience | lifetime | scope | tcp | http | file | unit)
      option=${1#--}
      return
      ;;
  esac
  for name in json data erase hard extended role cardinality insecure retries timeout help; do
    case --$name in
      "$1")
        option=$name
        return
        ;;
      "$1"*)
        [ "$1" != -- ] || continue
        [ -z "$option" ] || option=ambiguous
        [ -n "$option" ] || option=$name
        ;;
    esac
  done
  [ -n "$option" ] || fail "invalid option: $1"
  [ "$option" != ambiguous ] || fail "ambiguous option: $1"
}

resolve_short() {
  case $1 in
    j) option=json ;;
    d) option=data ;;
    e) option=erase ;;
    f) option=hard ;;
    r) option=role ;;
    c) option=cardinality ;;
    k) option=insecure ;;
    h) option=help ;;
    *) fail "invalid option: -$1" ;;
  esac
}

takes_text() {
  case $1 in
    data | erase | role | cardinality | retries | timeout) return 0 ;;
    id | wait | exec | audience | lifetime | scope | tcp | http | file | unit) return 0 ;;
    *) return 1 ;;
  esac
}

set_flag() {
  case $1 in
    json) json=yes ;;
    hard) hard=yes ;;
    extended) extended=yes ;;
    insecure) insecure=yes ;;
    once) once=yes ;;
    help) help=yes ;;
  esac
}

set_text() {
  case $1 in
    data) data=$2 has_data=yes ;;
    erase) erase=$2 has_erase=yes ;;
    role) role=$2 ;;
    cardinality) cardinality=$2 ;;
    retries) option_retries=$2 has_retries=yes ;;
    timeout) option_timeout=$2 has_timeout=yes ;;
    id) option_id=$2 has_option_id=yes ;;
    wait) option_wait=$2 ;;
    exec) option_exec=$2 has_exec=yes ;;
    audience) option_audience=$2 ;;
    lifetime) option_lifetime=$2 ;;
    scope) option_scope=$2 has_scope=yes ;;
    tcp) option_tcp=$2 ;;
    http) option_http=$2 ;;
    file) option_file=$2 ;;
    unit) option_unit=$2 ;;
  esac
}

add_word() {
  word_count=$((word_count + 1))
  case $word_count in
    1) resource=$1 ;;
    2) action=$1 ;;
    3) id=$1 has_id=yes ;;
  esac
}

parse_arguments() {
  while [ $# -gt 0 ]; do
    word=$1
    shift
    case $word in
      --)
        while [ $# -gt 0 ]; do
          add_word "$1"
          shift
        done
        ;;
      # Seed 003 writes it so.
      -hard) hard=yes ;;
      --*)
        resolve_long "${word%%=*}"
        if ! takes_text "$option"; then
          case $word in *=*) fail "needless argument: --$option=${word#*=}" ;; esac
          set_flag "$option"
        elif [ "$word" != "${word#*=}" ]; then
          set_text "$option" "${word#*=}"
        else
          [ $# -gt 0 ] || fail "missing argument: --$option"
          set_text "$option" "$1"
          shift
        fi
        ;;
      -?*)
        letters=${word#-}
        while [ -n "$letters" ]; do
          letter=${letters%"${letters#?}"}
          letters=${letters#?}
          resolve_short "$letter"
          if ! takes_text "$option"; then
            set_flag "$option"
          elif [ -n "$letters" ]; then
            set_text "$option" "${letters#=}"
            letters=''
          else
            [ $# -gt 0 ] || fail "missing argument: -$letter"
            set_text "$option" "$1"
            shift
          fi
        done
        ;;
      *) add_word "$word" ;;
    esac
  done
}

# The context: the environment, then context.sh in CONTEXT_DIR or else one_env; never both, since the token of one VM
# must not go to the endpoint of another.

CONTEXT_NAMES='ONEGATE_ENDPOINT ONEGATE_TOKEN TOKENTXT VMID ONEGATE_RETRIES ONEGATE_TIMEOUT ONEGATE_INSECURE
  http_proxy https_proxy HTTPS_PROXY no_proxy NO_PROXY
  REPORT_READY READY_SCRIPT READY_SCRIPT_PATH RETRY_COUNT RETRY_WAIT_PERIOD
  REPORT_READY_FAILURE READY_TCP READY_HTTP READY_FILE READY_UNIT'

is_small_file() {
  [ -f "$1" ] && [ -r "$1" ] && [ "$(wc -c <"$1")" -le "$2" ]
}

# What the context file says of $CONTEXT_NAMES, as assignments to file_NAME. In a subshell: the file may set anything.
context_assignments() (
  set +u
  for name in $CONTEXT_NAMES; do unset "$name"; done
  path=$PATH
  # shellcheck disable=SC1090
  . "$context_file" >/dev/null 2>&1 </dev/null
  # shellcheck disable=SC2030
  PATH=$path
  for name in $CONTEXT_NAMES; do
    eval "value=\${$name-}"
    [ -n "$value" ] || continue
    # Most hold no quote, and programs are slow to start in an emulated guest.
    case $value in *\'*) ;; *) printf "file_%s='%s'\n" "$name" "$value" && continue ;; esac
    sed -e "s/'/'\\\\''/g" -e "1s/^/file_$name='/" -e "\$s/\$/'/" <<VALUE
$value
VALUE
  done
)

read_context() {
  context_directory=${CONTEXT_DIR:-}
  context_file=$ONE_ENV
  [ -z "$context_directory" ] || context_file=$context_directory/context.sh
  case $context_file in */*) ;; *) context_file=./$context_file ;; esac
  hint=''
  for name in $CONTEXT_NAMES; do eval "file_$name=''"; done
  if is_small_file "$context_file" "$MAX_CONTEXT_BYTES"; then
    eval "$(context_assignments)"
  else
    if [ -e "$context_file" ] && [ ! -r "$context_file" ]; then
      hint=" ($context_file cannot be read by this user.)"
    fi
    context_file=''
  fi
}

# Sets $value to a variable of the context, the environment's first.
variable() {
  eval "value=\${$1:-\$file_$1}"
}

# Sets $trimmed to the token in the file $1, if any.
token_in() {
  trimmed=''
  is_small_file "$1" "$MAX_TOKEN_BYTES" || return 0
  trim "$(cat "$1")"
}

# Sets $trimmed from ONEGATE_TOKEN ($1: the token, or as in the sample script of seed 003 its file) and TOKENTXT ($2).
token_of() {
  trimmed=''
  case $1 in */*) token_in "$1" ;; esac
  [ -n "$trimmed" ] || trim "$1"
  [ -n "$trimmed" ] || trim "$2"
}

read_identity() {
  variable ONEGATE_ENDPOINT
  read_endpoint "$value" || return 1
  token_of "${ONEGATE_TOKEN:-}" "${TOKENTXT:-}"
  # shellcheck disable=SC2154
  [ -n "$trimmed" ] || token_of "$file_ONEGATE_TOKEN" "$file_TOKENTXT"
  [ -n "$trimmed" ] || [ -z "$context_directory" ] || token_in "$context_directory/token.txt"
  token=$trimmed
  case $token in
    '')
      failure="There is no OneGate token: TOKENTXT is not set and CONTEXT_DIR has no token.txt. The VM's template needs CONTEXT = [ TOKEN = \"YES\" ].$hint"
      return 1
      ;;
    *[!!-~]*)
      failure='The OneGate token holds blanks or characters that no token has.'
      return 1
      ;;
  esac
  variable VMID
  trim "$value"
  vm_id=$trimmed
  case $vm_id in
    '') failure="VMID is not set, so this machine does not know which virtual machine it is.$hint" ;;
    *[!0-9]*) failure="VMID must be the number of a virtual machine, not $(shown "$vm_id")." ;;
    *) return 0 ;;
  esac
  return 1
}

# Sets $url_scheme, $url_user, $url_host (IPv6 without brackets) and $url_port from an http or https URL.
split_url() {
  case $1 in
    [Hh][Tt][Tt][Pp]://*) url_scheme=http url_port=80 ;;
    [Hh][Tt][Tt][Pp][Ss]://*) url_scheme=https url_port=443 ;;
    *) return 1 ;;
  esac
  authority=${1#*://}
  authority=${authority%%[/?#]*}
  url_user=''
  case $authority in *@*) url_user=${authority%@*} ;; esac
  authority=${authority##*@}
  case $authority in
    \[*\]) url_host=${authority%\]} given_port='' ;;
    \[*\]:*) url_host=${authority%\]:*} given_port=${authority##*\]:} ;;
    *:*) url_host=${authority%%:*} given_port=${authority#*:} ;;
    *) url_host=$authority given_port='' ;;
  esac
  case $url_host in
    \[*[!][0-9A-Fa-f:.%]*) return 1 ;;
    \[*) url_host=${url_host#\[} ;;
    '' | *[!A-Za-z0-9._~-]*) return 1 ;;
  esac
  case $given_port in
    '') ;;
    *[!0-9]* | ??????*) return 1 ;;
    *) url_port=$given_port ;;
  esac
  [ "$url_port" -le 65535 ]
}

# Sets $scheme, $host, $port, $host_header, and $where: the endpoint without path and password.
read_endpoint() {
  trim "$1"
  if [ -z "$trimmed" ]; then
    failure="ONEGATE_ENDPOINT is not set, so this machine knows no OneGate server: set it, for example to http://192.168.0.5:5030.$hint"
    return 1
  fi
  if ! split_url "$trimmed"; then
    failure="ONEGATE_ENDPOINT must be a URL such as http://192.168.0.5:5030, not $(shown "$trimmed" | sed 's|//[^/@]*@|//|')."
    return 1
  fi
  scheme=$url_scheme host=$url_host port=$url_port
  host_header=$host
  case $host in *:*) host_header="[$host]" ;; esac
  case $scheme$port in http80 | https443) ;; *) host_header=$host_header:$port ;; esac
  where=$scheme://$host_header
}

# Sets $proxy to the URL of the proxy to use, or to nothing. Not HTTP_PROXY, which a CGI's client can set.
read_proxy() {
  proxy=''
  if [ "$scheme" = https ]; then
    variable https_proxy
    [ -n "$value" ] || variable HTTPS_PROXY
    proxy=$value
  fi
  [ -n "$proxy" ] || { variable http_proxy && proxy=$value; }
  [ -n "$proxy" ] || return 0
  variable no_proxy
  [ -n "$value" ] || variable NO_PROXY
  if is_exempt "$host" "$value"; then
    proxy=''
    return 0
  fi
  case $proxy in *://*) ;; *) proxy=http://$proxy ;; esac
  if ! split_url "$proxy" || [ "$url_scheme" != http ]; then
    failure='http_proxy must be an http URL such as http://proxy.example:3128.'
    return 1
  fi
  proxy_user=$url_user proxy_host=$url_host proxy_port=$url_port
  # An http URL without a port means 80, but wget and curl take 1080 or 8080 for a proxy.
  authority_of_proxy=$proxy_host
  case $proxy_host in *:*) authority_of_proxy="[$proxy_host]" ;; esac
  proxy=http://${proxy_user:+$proxy_user@}$authority_of_proxy:$proxy_port
}

is_exempt() {
  host=$1 list=$2 awk 'BEGIN {
    host = tolower(ENVIRON["host"]); count = split(tolower(ENVIRON["list"]), entries, /[ \t\r\n,]+/)
    for (i = 1; i <= count; i++) {
      name = entries[i]; if (name == "*") exit 0
      sub(/^\*?\./, "", name); if (name == "") continue
      if (host == name || substr(host, length(host) - length(name)) == "." name) exit 0
    }
    exit 1
  }'
}

# Requests: which client carries them, when they are sent again, and what is told when none is answered.

# Finds a program in PATH: `command -v` would tell of busybox's own wget in busybox's shell.
in_path() {
  saved_ifs=$IFS
  IFS=:
  # shellcheck disable=SC2031
  for directory in $PATH; do
    if [ -x "${directory:-.}/$1" ] && [ ! -d "${directory:-.}/$1" ]; then
      IFS=$saved_ifs
      found=${directory:-.}/$1
      return 0
    fi
  done
  IFS=$saved_ifs
  return 1
}

# Whether the help of command $2... has $1 in it.
help_has() {
  pattern=$1
  shift
  case $("$@" --help 2>&1) in *"$pattern"*) return 0 ;; esac
  return 1
}

choose_client() {
  [ -n "$client" ] || find_client || return 1
  [ "$client$scheme" = nchttps ] || return 0
  failure="The endpoint $where needs TLS, which nc cannot do, and busybox's wget cannot PUT: install curl or GNU wget."
  return 1
}

find_client() {
  if in_path curl; then
    client=curl program=$found
  elif in_path wget && help_has --body-file "$found"; then
    client=wget program=$found wget_option=''
    if help_has --no-hsts "$program"; then wget_option=--no-hsts; fi
  elif help_has BusyBox nc; then
    client=nc program=nc nc_half_closes=yes
  elif in_path busybox && help_has BusyBox "$found" nc; then
    client=nc program=$found applet=nc nc_half_closes=yes
  elif in_path nc; then
    client=nc program=$found nc_half_closes=no
    if help_has --no-shutdown "$found"; then nc_option=--no-shutdown; fi
  else
    failure='No HTTP client was found: onegate.sh needs curl, GNU wget or nc.'
    return 1
  fi
}

prepare() {
  variable ONEGATE_RETRIES
  [ "$has_retries" = no ] || value=$option_retries
  [ "$has_retries$value" = no ] && value=3
  bounded "--retries (ONEGATE_RETRIES)" "$value" 0 "$MAX_RETRIES" || return 1
  retries=${trimmed%.*}
  variable ONEGATE_TIMEOUT
  [ "$has_timeout" = no ] || value=$option_timeout
  [ "$has_timeout$value" = no ] && value=30
  bounded "--timeout (ONEGATE_TIMEOUT)" "$value" 0.1 "$MAX_TIMEOUT_S" || return 1
  timeout=$trimmed
  variable ONEGATE_INSECURE
  case $value in [Yy][Ee][Ss]) insecure=yes ;; esac
  read_identity && read_proxy && choose_client && make_work
}

make_work() {
  [ -z "$work" ] || return 0
  # mktemp makes it for this user alone.
  if ! work=$(mktemp -d "${TMPDIR:-/tmp}/onegate.XXXXXX" 2>/dev/null); then
    work='' failure="No temporary directory can be made in ${TMPDIR:-/tmp}."
    return 1
  fi
}

# Sends `$1 $2` (method, path), with the body in $work/body of type $3 unless that is missing; the answer's body is then
# in $work/answer. Reads and updates are tried again; an action only when the first was surely not carried out.
ask() {
  method=$1 path=$2 type=${3:-}
  tries=0 wait_s=0.5
  while :; do
    tries=$((tries + 1))
    exchange
    case $status in 2??) return 0 ;; esac
    if [ "$tries" -gt "$retries" ] || ! may_retry || ! pause_before_retry; then break; fi
  done
  failure_of_answer
  return 1
}

# Waits as long as the server asks for, and a little more; else longer each time. Fails when that is too long.
pause_before_retry() {
  pause_s=$(awk -v most="$wait_s" -v asked="$retry_after" -v seed="$$$tries" 'BEGIN {
    srand(); srand(srand() + seed)
    print (asked == "" ? most * (0.5 + rand() / 2) : asked * (1 + rand() / 10))
  }')
  [ "${retry_after:-0}" -le "$MAX_RETRY_AFTER_S" ] || return 1
  nap "$pause_s"
  wait_s=$(awk -v last="$wait_s" -v most="$MAX_WAIT_S" 'BEGIN { print (last * 2 < most ? last * 2 : most) }')
}

# Sets $failure to what is told of an answer that is no success.
failure_of_answer() {
  if [ "$status" = 000 ]; then
    failure=$lost
    [ "$tries" = 1 ] || failure="$lost Tried $tries times."
    return 0
  fi
  failure=$(cat "$work/answer")
  failure=${failure%"${failure##*[![:space:]]}"}
  trim "$failure"
  case $status$trimmed in
    [123]* | ???)
      failure="$status $status_text."
      [ -z "$location" ] || failure="$failure The server points to $location: correct ONEGATE_ENDPOINT."
      ;;
  esac
}

may_retry() {
  case $status in
    000) [ "$lasting" = no ] && { [ "$method" != POST ] || [ "$sent" = no ]; } ;;
    # What was limited was not done.
    429) return 0 ;;
    502 | 504) [ "$method" != POST ] ;;
    5??) return 0 ;;
    *) return 1 ;;
  esac
}

# $1: the path, where it is not $path.
exchange() {
  path=${1:-$path}
  status=000 status_text='' location='' retry_after='' etag='' content_type='' lost='' sent=yes lasting=no
  for file in answer head log; do : >"$work/$file"; done
  "exchange_$client"
  [ "$status" != 000 ] || [ -n "$lost" ] || lost_because 'the connection was lost'
}

lost_because() {
  lost="OneGate at $where cannot be reached: $1."
}

too_large() {
  lost="The answer is larger than the $((MAX_ANSWER_BLOCKS * 512)) bytes allowed." lasting=yes
}

untrusted() {
  lost="The TLS certificate of $where is not trusted: add its authority to those of this machine, or take any with --insecure."
  lasting=yes
}

# What the client's log says of a connection that was not made.
reason_in_log() {
  reason='the connection failed'
  if grep -qi 'refused' "$work/log"; then
    reason='the connection was refused'
  elif grep -qi -e 'resolve' -e 'bad address' -e 'not known' -e 'no address' -e 'forward host' "$work/log"; then
    reason='its name is not known'
  elif grep -qi -e 'no route' -e 'unreachable' "$work/log"; then
    reason='there is no route to it'
  elif grep -qi 'timed out' "$work/log"; then
    reason='the connection timed out'
  else
    return 1
  fi
}

nap() {
  pause=$1
  # Not every sleep knows fractions.
  case $pause in *.*) sleep 0.01 2>/dev/null || pause=$((${pause%.*} + 1)) ;; esac
  sleep "$pause" >/dev/null 2>&1 &
  nap_pid=$!
  wait "$nap_pid"
  settled=$nap_pid nap_pid=''
}

# Sets $whole to $1 seconds, rounded up.
whole_seconds() {
  whole=${1%.*}
  [ "$whole" = "$1" ] || whole=$((whole + 1))
}

# Runs function $1 in the background for $2 seconds at most. Sets $result; $timed_out says whether it was ended.
run_watched() {
  whole_seconds "$2"
  "$1" &
  client_pid=$!
  await_client
}

# Waits for $client_pid, $whole seconds at most.
await_client() {
  for file in timed-out tick; do [ ! -e "$work/$file" ] || rm -f "$work/$file"; done
  mkfifo "$work/tick"
  watch_client >/dev/null 2>&1 &
  watchdog_pid=$!
  sleep "$whole" >"$work/tick" 2>/dev/null &
  timer_pid=$!
  wait "$client_pid" 2>/dev/null
  result=$?
  client_pid=''
  # The watchdog first: the end of the timer is what it waits for.
  end_child "$watchdog_pid"
  end_child "$timer_pid"
  watchdog_pid='' timer_pid=''
  timed_out=no
  [ ! -e "$work/timed-out" ] || timed_out=yes
}

# Ends the client when the timer closes the pipe.
watch_client() {
  read -r _ <"$work/tick"
  : >"$work/timed-out"
  kill_child "$client_pid"
}

# Reads the last head of an answer in file $1 (with $2=first the first): status line, Location, and its size and form.
read_head() {
  awk -v first="${2:-}" '
    { size += length($0) + 1; sub(/\r$/, "") }
    /^HTTP\/[0-9.]+ [0-9][0-9][0-9]/ {
      status = $2; text = $0; sub(/^[^ ]+ +[0-9]+ ?/, "", text); location = ""; length_told = ""; chunked = "no"
      after = ""; etag = ""; kind = ""; next
    }
    first && NR == 1 { exit }
    $0 == "" { if (first) { whole = 1; exit } next }
    {
      name = tolower($0); sub(/:.*/, "", name); value = $0; sub(/^[^:]*:[ \t]*/, "", value)
      if (name == "location") { location = value; gsub(/[^ -~]/, "?", location) }
      if (name == "retry-after" && value ~ /^[0-9]+[ \t]*$/ && length(value) < 7) after = value + 0
      if (name == "etag") { etag = value; gsub(/[^ -~]/, "?", etag) }
      if (name == "content-type") { kind = tolower(value); gsub(/[^ -~]/, "?", kind) }
      if (name == "content-length" && value ~ /^[0-9]+$/) length_told = value
      if (name == "transfer-encoding" && tolower(value) ~ /chunked/) chunked = "yes"
    }
    END {
      if (status == "" || (first && !whole)) status = "000"
      gsub(/[^ -~]/, "?", text)
      print status; print text; print location; print size; print length_told; print chunked
      print after; print etag; print kind
    }' "$1" >"$work/parsed"
  {
    read -r status
    read -r status_text
    read -r location
    read -r head_size
    read -r length_told
    read -r chunked
    read -r retry_after
    read -r etag
    read -r content_type
  } <"$work/parsed"
}

# $1: what ends a line besides its newline.
headers() {
  # What is not OneGate for sure sees no token.
  [ -z "$token" ] || printf "X-ONEGATE-TOKEN: %s$1\nX-ONEGATE-VMID: %s$1\n" "$token" "$vm_id"
  [ -z "$known_etag" ] || printf "If-None-Match: %s$1\n" "$known_etag"
  printf "Accept: */*$1\nUser-Agent: gatehouse-onegate.sh (%s)$1\n" "$client"
  [ -z "$type" ] || printf "Content-Type: %s$1\n" "$type"
}

# Over curl.

exchange_curl() {
  # In the form of a configuration file: NAME = "VALUE".
  {
    cat <<SETTINGS
url $where$path
request $method
output $work/answer
dump-header $work/head
header Expect:
SETTINGS
    headers '' | sed 's/^/header /'
    [ -z "$type" ] || printf 'data-binary @%s\n' "$work/body"
    if [ -n "$proxy" ]; then printf 'proxy %s\n' "$proxy"; else printf 'noproxy *\n'; fi
  } | sed -e 's/[\\"]/\\&/g' -e 's/^\([^ ]*\) \(.*\)$/\1 = "\2"/' >"$work/settings"
  run_watched start_curl "$timeout"
  if [ "$result" = 0 ]; then
    read_head "$work/head"
    return
  fi
  if [ "$timed_out" = yes ]; then result=28; fi
  case $result in
    5 | 6 | 7)
      sent=no
      reason_in_log
      lost_because "$reason"
      ;;
    28) lost="OneGate at $where did not answer within $timeout s." ;;
    35) sent=no && lost_because 'the TLS handshake failed' ;;
    51 | 60 | 77) sent=no && untrusted ;;
    23 | 63 | 153) too_large ;;
    1)
      lost="This curl cannot reach $where: $(sed -n '$s/^curl: *//p' "$work/log")" sent=no lasting=yes
      ;;
  esac
}

start_curl() {
  unset no_proxy NO_PROXY
  ulimit -f "$MAX_ANSWER_BLOCKS" 2>/dev/null
  if [ "$insecure" = yes ]; then set -- --insecure; else set --; fi
  # `-q` comes first: no one's .curlrc has a say. Only -v tells why there is no connection.
  exec "$program" -q -sSv -g --http1.1 --path-as-is --max-time "$timeout" "$@" -K "$work/settings" \
    >/dev/null 2>"$work/log" </dev/null
}

# Over GNU wget.

exchange_wget() {
  {
    headers '' | sed -e '/^Accept:/d' -e '/^User-Agent:/d' -e 's/^/header = /'
    # A redirect would take the token to another server.
    printf '%s\n' 'netrc = off' 'max_redirect = 0' "user_agent = gatehouse-onegate.sh ($client)"
    if [ -n "$proxy" ]; then
      printf 'http_proxy = %s\nhttps_proxy = %s\n' "$proxy" "$proxy"
    else
      printf 'use_proxy = off\n'
    fi
  } >"$work/settings"
  run_watched start_wget "$timeout"
  # Among its own words, headers are those that are indented.
  sed -n 's/^  //p' "$work/log" >"$work/head"
  read_head "$work/head"
  # wget drops the body of a 401, which is always the same.
  [ "$status" != 401 ] || [ -s "$work/answer" ] || printf 'Not authorized' >"$work/answer"
  case $result in
    0 | 6 | 8) return ;;
  esac
  status=000
  grep -q 'request sent' "$work/log" || sent=no
  if [ "$timed_out" = yes ] || grep -qi 'read error.*timed out' "$work/log"; then
    lost="OneGate at $where did not answer within $timeout s."
  elif [ "$result" = 3 ] || [ "$result" = 153 ]; then
    too_large
  elif [ "$result" = 5 ]; then
    untrusted
  elif grep -q 'not compiled in' "$work/log"; then
    lost="This wget cannot do TLS, which the endpoint $where needs: install curl or another wget." lasting=yes
  elif reason_in_log; then
    lost_because "$reason"
  fi
}

start_wget() {
  unset no_proxy NO_PROXY
  ulimit -f "$MAX_ANSWER_BLOCKS" 2>/dev/null
  # Of a 304 it would wait for a body until the connection ends.
  set -- --config="$work/settings" --tries=1 --timeout="$whole" --no-http-keep-alive --method="$method" "$where$path"
  [ "$insecure" = no ] || set -- --no-check-certificate "$@"
  [ -z "$type" ] || set -- --body-file="$work/body" "$@"
  exec "$program" ${wget_option:+"$wget_option"} --server-response --content-on-error -o "$work/log" -O "$work/answer" "$@" >/dev/null 2>&1 </dev/null
}

# Over nc: HTTP/1.1 by hand.

exchange_nc() {
  target=$path nc_host=$host nc_port=$port
  if [ -n "$proxy" ]; then
    if [ -n "$proxy_user" ]; then
      lost='A proxy with a password needs curl or GNU wget.' lasting=yes
      return
    fi
    target=$where$path nc_host=$proxy_host nc_port=$proxy_port
  fi
  {
    printf '%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n' "$method" "$target" "$host_header"
    headers '\r'
    [ -z "$type" ] || printf 'Content-Length: %d\r\n' "$(wc -c <"$work/body")"
    printf '\r\n'
    [ -z "$type" ] || cat "$work/body"
  } >"$work/request"
  [ ! -e "$work/fifo" ] || rm -f "$work/fifo"
  if [ "$nc_half_closes" = yes ]; then
    # It would close its side after the request, which servers may take for a client that has gone: so the pipe stays open.
    mkfifo "$work/fifo"
    whole_seconds "$timeout"
    feed_nc &
    feeder_pid=$!
  fi
  run_watched start_nc "$timeout"
  if [ -n "$feeder_pid" ]; then
    end_child "$feeder_pid"
    feeder_pid=''
  fi
  read_head "$work/raw" first
  if [ "$status" != 000 ]; then read_nc_body; fi
  [ "$status" = 000 ] || return
  if [ "$result" = 153 ]; then
    too_large
  elif [ "$timed_out" = yes ]; then
    lost="OneGate at $where did not answer within $timeout s."
  elif [ ! -s "$work/raw" ] && reason_in_log; then
    sent=no
    lost_because "$reason"
  fi
}

feed_nc() {
  {
    cat "$work/request"
    exec sleep "$((whole + 1))"
  } >"$work/fifo" 2>/dev/null
}

start_nc() {
  ulimit -f "$MAX_ANSWER_BLOCKS" 2>/dev/null
  # Those that keep their side open say why they failed only with -v.
  set -- "$program" -v ${nc_option:+"$nc_option"}
  input=$work/request
  if [ "$nc_half_closes" = yes ]; then
    set -- "$program" ${applet:+"$applet"}
    input=$work/fifo
  fi
  exec "$@" "$nc_host" "$nc_port" <"$input" >"$work/raw" 2>"$work/log"
}

# The body of the answer in $work/raw; status 000 when it is not all there.
read_nc_body() {
  case $status$chunked$length_told in 204* | 304* | ???no0) return ;; esac
  tail -c "+$((head_size + 1))" "$work/raw" >"$work/answer"
  if [ "$chunked" = yes ]; then
    mv "$work/answer" "$work/chunks"
    unchunk <"$work/chunks" >"$work/answer" || status=000
  elif [ -n "$length_told" ]; then
    [ "$(wc -c <"$work/answer")" -ge "$length_told" ] || status=000
  fi
}

unchunk() {
  awk '
    function hex(text,   i, digit, sum) {
      for (i = 1; i <= length(text); i++) {
        digit = index("0123456789abcdef", tolower(substr(text, i, 1)))
        if (!digit || i > 7) return -1
        sum = sum * 16 + digit - 1
      }
      return i > 1 ? sum : -1
    }
    left > 0 {
      if (left > length($0)) { print; left -= length($0) + 1; if (!left) closing = 1 }
      else { printf "%s", substr($0, 1, left); if (substr($0, left + 1) != "\r") exit; left = 0 }
      next
    }
    closing { closing = 0; if ($0 != "\r") exit; next }
    {
      sub(/[ \t;\r].*/, "")
      left = hex($0)
      if (left < 0) exit
      if (!left) { whole = 1; exit }
    }
    END { exit !whole }'
}

# Reading and printing JSON. A record ends at a quote, so every other record is a string. Values are kept by path (names and positions with SUBSEP
# between them) or printed as they come, by `mode`. Long text is worked on in windows: to take or add one character costs
# busybox awk a walk through the whole. Strings stay in the form they were sent in until they are wanted.
# shellcheck disable=SC2016
JSON_READER='
BEGIN { RS = "\""; MAX_DEPTH = 64; MAX_LITERAL = 64; WINDOW = 512; want = "value"; for (i = 1; i < 256; i++) ord[sprintf("%c", i)] = i }
failed { exit }
inside {
  recent = recent $0
  if (match($0, /\\+$/) && RLENGTH % 2) {
    recent = recent "\""
    if (length(recent) > WINDOW) { raw = raw recent; recent = "" }
  }
  else { raw = raw recent; string(); inside = 0 }
  next
}
{ outside($0); inside = 1; raw = ""; recent = "" }
END {
  if (failed || depth || want != "end") exit 3
  if (mode == "json") print ""
  else render()
}
function bad() { failed = 1 }
function outside(text,   i, character) {
  for (i = 1; i <= length(text) && !failed; i++) {
    if (i > WINDOW) { text = substr(text, i); i = 1 }
    character = substr(text, i, 1)
    if (index(" \t\r\n", character)) continue
    if (index("{[", character)) begin_container(character)
    else if (index("}]", character)) end_container(character)
    else if (character == ",") {
      if (want != "end" || !depth) bad()
      else want = closer[depth] == "}" ? "name" : "value"
    }
    else if (character == ":") { if (want == "colon") { want = "value"; put(compact ? ":" : ": ") } else bad() }
    else if (match(substr(text, i, MAX_LITERAL), /^(-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?|true|false|null)/) && RLENGTH > 0) {
      leaf(substr(text, i, RLENGTH), substr(text, i, 1) ~ /[-0-9]/ ? "number" : "word")
      i += RLENGTH - 1
    }
    else bad()
  }
}
function begin_container(character,   path) {
  path = place()
  if (failed || depth == MAX_DEPTH) { bad(); return }
  put(character); kind[path] = character
  depth++; at[depth] = path; count[depth] = 0
  closer[depth] = character == "{" ? "}" : "]"
  want = character == "{" ? "name or end" : "value or end"
}
function end_container(character) {
  if (!depth || closer[depth] != character || (want != "end" && want !~ /or end/)) { bad(); return }
  size[at[depth]] = count[depth]
  depth--
  if (count[depth + 1]) new_line()
  put(character); want = "end"
}
function string() {
  if (raw ~ /[\001-\037]/) bad()
  else if (want ~ /^name/) { step(); name = decoded(raw); put("\"" canonical(raw) "\""); want = "colon" }
  else leaf(raw, "string")
}
function leaf(text, what,   path) {
  path = place()
  if (failed) return
  if (mode == "json") put(what == "string" ? "\"" canonical(text) "\"" : text)
  else { if (what == "string") canonical(text); kind[path] = what; kept[path] = text }
  want = "end"
}
# The path of the value that begins here.
function place(   step_name) {
  if (want !~ /^value/) { bad(); return "" }
  if (!depth) return ""
  if (closer[depth] == "]") { step(); step_name = count[depth] } else step_name = name
  return depth == 1 ? step_name : at[depth] SUBSEP step_name
}
function step() { if (count[depth]++) put(","); new_line() }
function new_line(   i) { if (compact) return; put("\n"); for (i = 1; i <= depth; i++) put("  ") }
function put(text) { if (mode == "json") printf "%s", text }
function canonical(text) { return unescaped(text, 0) }
function decoded(text) { return unescaped(text, 1) }
function unescaped(text, plain,   out, last, pieces, i, letter, rest, code, low) {
  if (!index(text, "\\")) return text
  pieces = split(text, piece, /\\/)
  last = piece[1]
  for (i = 2; i <= pieces; i++) {
    letter = substr(piece[i], 1, 1); rest = substr(piece[i], 2); code = -1
    # Nothing stands between two backslashes.
    if (letter == "") { if (i < pieces) { code = 92; rest = piece[++i] } }
    else if (letter == "u") {
      code = hex(rest); rest = substr(rest, 5)
      if (code >= 55296 && code < 56320 && rest == "" && i < pieces && substr(piece[i + 1], 1, 1) == "u") {
        low = hex(substr(piece[i + 1], 2))
        if (low >= 56320 && low < 57344) {
          code = 65536 + (code - 55296) * 1024 + low - 56320
          rest = substr(piece[++i], 6)
        }
      }
    }
    else if (index("bfnrt", letter)) code = substr("0812101309", index("bfnrt", letter) * 2 - 1, 2) + 0
    else if (letter == "\"" || letter == "/") code = ord[letter]
    if (code < 0) { bad(); return "" }
    last = last (plain ? character_of(code) : escaped(code)) rest
    if (length(last) > WINDOW) { out = out last; last = "" }
  }
  return out last
}
function hex(text,   i, digit, sum) {
  for (i = 1; i <= 4; i++) {
    digit = index("0123456789abcdef", tolower(substr(text, i, 1)))
    if (!digit || substr(text, i, 1) == "") return -1
    sum = sum * 16 + digit - 1
  }
  return sum
}
function is_surrogate(code) { return code >= 55296 && code < 57344 }
function escaped(code,   where) {
  if (code == 34 || code == 92) return "\\" sprintf("%c", code)
  if (code && code < 32 && (where = index("\b\f\n\r\t", sprintf("%c", code)))) return "\\" substr("bfnrt", where, 1)
  if (code < 32 || is_surrogate(code)) return sprintf("\\u%04x", code)
  return character_of(code)
}
# In UTF-8. No awk can be trusted with NUL, which nothing may print anyhow.
function character_of(code) {
  if (!code) return "\\u0000"
  if (is_surrogate(code)) code = 65533
  if (code < 128) return sprintf("%c", code)
  if (code < 2048) return sprintf("%c", 192 + int(code / 64)) tail_byte(code)
  if (code < 65536) return sprintf("%c", 224 + int(code / 4096)) tail_byte(code / 64) tail_byte(code)
  return sprintf("%c", 240 + int(code / 262144)) tail_byte(code / 4096) tail_byte(code / 64) tail_byte(code)
}
function tail_byte(code) { return sprintf("%c", 128 + int(code) % 64) }
'

# What `show` prints for people. A name of a peer must not reach the terminal with its control characters in it.
TEXT_PRINTER='
BEGIN {
  split("INIT PENDING HOLD ACTIVE STOPPED SUSPENDED DONE FAILED POWEROFF UNDEPLOYED CLONING CLONING_FAILURE", vm_states, " ")
  split("LCM_INIT PROLOG BOOT RUNNING MIGRATE SAVE_STOP SAVE_SUSPEND SAVE_MIGRATE PROLOG_MIGRATE PROLOG_RESUME EPILOG_STOP EPILOG SHUTDOWN CANCEL FAILURE CLEANUP_RESUBMIT UNKNOWN HOTPLUG SHUTDOWN_POWEROFF BOOT_UNKNOWN BOOT_POWEROFF BOOT_SUSPENDED BOOT_STOPPED CLEANUP_DELETE HOTPLUG_SNAPSHOT HOTPLUG_NIC HOTPLUG_SAVEAS HOTPLUG_SAVEAS_POWEROFF HOTPLUG_SAVEAS_SUSPENDED SHUTDOWN_UNDEPLOY EPILOG_UNDEPLOY PROLOG_UNDEPLOY BOOT_UNDEPLOY HOTPLUG_PROLOG_POWEROFF HOTPLUG_EPILOG_POWEROFF BOOT_MIGRATE BOOT_FAILURE BOOT_MIGRATE_FAILURE PROLOG_MIGRATE_FAILURE PROLOG_FAILURE EPILOG_FAILURE EPILOG_STOP_FAILURE EPILOG_UNDEPLOY_FAILURE PROLOG_MIGRATE_POWEROFF PROLOG_MIGRATE_POWEROFF_FAILURE PROLOG_MIGRATE_SUSPEND PROLOG_MIGRATE_SUSPEND_FAILURE BOOT_UNDEPLOY_FAILURE BOOT_STOPPED_FAILURE PROLOG_RESUME_FAILURE PROLOG_UNDEPLOY_FAILURE DISK_SNAPSHOT_POWEROFF DISK_SNAPSHOT_REVERT_POWEROFF DISK_SNAPSHOT_DELETE_POWEROFF DISK_SNAPSHOT_SUSPENDED DISK_SNAPSHOT_REVERT_SUSPENDED DISK_SNAPSHOT_DELETE_SUSPENDED DISK_SNAPSHOT DISK_SNAPSHOT_REVERT DISK_SNAPSHOT_DELETE PROLOG_MIGRATE_UNKNOWN PROLOG_MIGRATE_UNKNOWN_FAILURE DISK_RESIZE DISK_RESIZE_POWEROFF DISK_RESIZE_UNDEPLOYED HOTPLUG_NIC_POWEROFF HOTPLUG_RESIZE HOTPLUG_SAVEAS_UNDEPLOYED HOTPLUG_SAVEAS_STOPPED BACKUP BACKUP_POWEROFF RESTORE", lcm_states, " ")
  split("PENDING DEPLOYING RUNNING UNDEPLOYING WARNING DONE FAILED_UNDEPLOYING FAILED_DEPLOYING SCALING FAILED_SCALING COOLDOWN DEPLOYING_NETS UNDEPLOYING_NETS FAILED_DEPLOYING_NETS FAILED_UNDEPLOYING_NETS HOLD", service_states, " ")
}
function render() {
  if (resource == "vm") vm("VM", "")
  else if (resource == "service") service()
  else if (resource == "vrouter") {
    heading("VROUTER " text_at("VROUTER" SUBSEP "ID"), 1)
    line("NAME", "VROUTER" SUBSEP "NAME")
    printf "%-20s: %s\n", "VMS", ids("VROUTER" SUBSEP "VMS" SUBSEP "ID")
  }
  else { heading("VNET", 1); line("ID", "VNET" SUBSEP "ID") }
}
function service(   roles, i, j, nodes, node) {
  heading("SERVICE " text_at("SERVICE" SUBSEP "id"), 1)
  line("NAME", "SERVICE" SUBSEP "name")
  if (has("SERVICE" SUBSEP "state")) printf "%-20s: %s\n", "STATE", state(service_states, text_at("SERVICE" SUBSEP "state"))
  print ""
  roles = "SERVICE" SUBSEP "roles"
  for (i = 1; i <= items(roles); i++) {
    heading("ROLE " text_at(item(roles, i) SUBSEP "name"), 0)
    nodes = item(roles, i) SUBSEP "nodes"
    for (j = 1; j <= items(nodes); j++) {
      node = item(nodes, j)
      vm(node SUBSEP "vm_info" SUBSEP "VM", text_at(node SUBSEP "deploy_id"))
    }
    print ""
  }
}
# A node that OneFlow has not loaded yet has no VM, only its id.
function vm(path, id_otherwise,   code, i, nics, address) {
  heading("VM " (has(path SUBSEP "ID") ? text_at(path SUBSEP "ID") : id_otherwise), 1)
  line("NAME", path SUBSEP "NAME")
  if (has(path SUBSEP "STATE")) {
    code = text_at(path SUBSEP "STATE")
    code = code + 0 == 3 ? state(lcm_states, text_at(path SUBSEP "LCM_STATE")) : state(vm_states, code)
    printf "%-20s: %s\n", "STATE", code
  }
  nics = path SUBSEP "TEMPLATE" SUBSEP "NIC"
  for (i = 1; i <= items(nics); i++) {
    address = text_at(item(nics, i) SUBSEP "IP")
    if (address != "") printf "%-20s: %s\n", "IP", address
  }
}
function state(names, code) {
  return code != "" && (code + 1) in names ? names[code + 1] : "UNKNOWN_STATE_" (code == "" ? "NaN" : code)
}
# One value that stands alone is a list of one.
function items(path) {
  if (!(path in kind) || (kind[path] == "word" && kept[path] == "null")) return 0
  return kind[path] == "[" ? size[path] : 1
}
function item(path, i) { return kind[path] == "[" ? path SUBSEP i : path }
function ids(path,   i, all) {
  for (i = 1; i <= items(path); i++) all = all (i > 1 ? "," : "") text_at(item(path, i))
  return all
}
function has(path) { return path in kind && (kind[path] == "string" || kind[path] == "number") }
function text_at(path) {
  if (!has(path)) return ""
  return kind[path] == "number" ? kept[path] : visible(decoded(kept[path]))
}
function visible(text,   out, found) {
  while (match(text, /[\001-\037\177]|\302[\200-\237\255]|\330\234|\342\200[\213-\217\250-\256]|\342\201[\240-\257]|\357\273\277/)) {
    found = substr(text, RSTART, RLENGTH)
    out = out substr(text, 1, RSTART - 1) sprintf("\\u%04x", code_of(found))
    text = substr(text, RSTART + RLENGTH)
  }
  return out text
}
function code_of(bytes,   first) {
  first = ord[substr(bytes, 1, 1)]
  if (length(bytes) == 1) return first
  if (length(bytes) == 2) return (first - 192) * 64 + low_bits(bytes, 2)
  return (first - 224) * 4096 + low_bits(bytes, 2) * 64 + low_bits(bytes, 3)
}
function low_bits(bytes, i) { return ord[substr(bytes, i, 1)] - 128 }
function line(key, path) { if (has(path)) printf "%-20s: %s\n", key, text_at(path) }
# Padded to 80 columns, as the original does. Bytes that go on a character take none; what is beyond U+FFFF takes two.
function heading(text, underlined,   rest, pad) {
  rest = text; pad = 80 - length(rest) + gsub(/[\200-\277]/, "", rest) - gsub(/[\360-\367]/, "", rest)
  while (pad-- > 0) text = text " "
  if (tty == "yes") text = "\033[1m" (underlined ? "\033[4m" : "") text "\033[0m"
  print text
}
'

# What one value of a document is: its text, or exit code 4 when there is none, 5 when it is more than one.
# shellcheck disable=SC2016
VALUE_FINDER='
function render(   names, i, here) {
  names = split(ENVIRON["wanted"], wanted_name, "/")
  here = ENVIRON["root_name"]
  for (i = 1; i <= names; i++) {
    here = kind[here] == "[" ? element(here, wanted_name[i]) : here SUBSEP wanted_name[i]
    if (!(here in kind)) exit 4
  }
  if (kind[here] == "{" || kind[here] == "[") exit 5
  if (kind[here] == "word" && kept[here] == "null") print ""
  else print (kind[here] == "string" ? decoded(kept[here]) : kept[here])
}
# By position, or by what it calls itself.
function element(list, wanted,   i) {
  if (wanted ~ /^(0|[1-9][0-9]*)$/) return list SUBSEP (wanted + 1)
  for (i = 1; i <= size[list]; i++) {
    if (is_name(list SUBSEP i SUBSEP "NAME", wanted) || is_name(list SUBSEP i SUBSEP "name", wanted)) return list SUBSEP i
  }
  return "none"
}
function is_name(path, wanted) { return path in kind && kind[path] == "string" && decoded(kept[path]) == wanted }
'

NOT_JSON="The server's answer is not JSON: is ONEGATE_ENDPOINT right?"

# Prints the answer: as JSON, or as what it tells of a $1.
print_answer() {
  render_answer "$1" "" || fail "$failure"
  cat "$work/output"
}

# The same into $work/output; with $2=yes, JSON on one line.
render_answer() {
  mode=text tty=no program_text=$JSON_READER$TEXT_PRINTER
  [ ! -t 1 ] || tty=yes
  if [ "$json" = yes ]; then
    mode=json program_text="$JSON_READER function render() { return }"
  fi
  if ! awk -v mode="$mode" -v resource="$1" -v tty="$tty" -v compact="$2" "$program_text" "$work/answer" >"$work/output"; then
    failure=$NOT_JSON
    return 1
  fi
}

# Looks the value at $segments up in the document of a $1 in $work/answer, into $work/output.
# True when it is there; the exit code 1 says that it is not.
find_value() {
  root_name=VM
  [ "$1" != service ] || root_name=SERVICE
  root_name=$root_name wanted=$segments awk -v mode=text "$JSON_READER$VALUE_FINDER" "$work/answer" >"$work/output"
  case $? in
    0) return 0 ;;
    4) failure="There is nothing at $segments." ;;
    5) fail "$segments is more than one value, which this server cannot tell by itself: ask for one of them." ;;
    *) fail "$NOT_JSON" ;;
  esac
  return 1
}

# The commands.

start_requests() {
  read_context
  prepare || fail "$failure"
}

# $1: resource; $2: path; $3: yes for the extended form.
show() {
  start_requests
  type=''
  if [ "${3:-no}" = yes ]; then
    printf 'extended=true' >"$work/body"
    type=$FORM
  fi
  ask GET "$2" "$type" || fail "$failure"
  print_answer "$1"
}

# Sets $vm_path.
path_of_vm() {
  vm_path=/vm
  [ "$has_id" = no ] || vm_path=/vms/$(segment "$id")
}

# $1: 1 to add or replace, 2 to erase; $2: the text.
update() {
  {
    printf 'data='
    case $2 in
      *[!A-Za-z0-9=_.-]* | *=*=*) printf '%s' "$2" | percent_encoded '*-._' + ;;
      # READY=YES, most often.
      *=*) printf '%s%%3D%s' "${2%%=*}" "${2#*=}" ;;
      *) printf '%s' "$2" ;;
    esac
    printf '&type=%s' "$1"
  } >"$work/body"
  ask PUT "$vm_path" "$FORM"
}

# Sets $segments to the names of path $1, and $value_path to them as a path of a URL.
read_path() {
  segments=${1#/}
  segments=${segments%/}
  value_path='' rest=$segments/
  while [ -n "$rest" ]; do
    name=${rest%%/*}
    rest=${rest#*/}
    case $name in
      '' | . | ..)
        fail "PATH must be names with \"/\" between them, such as USER_TEMPLATE/READY, not $(shown "$1")."
        ;;
    esac
    value_path=$value_path/$(segment "$name")
  done
}

# Sets $document_path to that of a $1: of the VM that --id names, or of its own.
path_of_document() {
  document_path=/service
  [ "$1" = service ] && return
  document_path=/vm
  [ "$has_option_id" = no ] || document_path=/vms/$(segment "$option_id")
}

# True when the failure is that of a OneGate that knows no paths into its documents.
knows_no_paths() {
  [ "$status" = 400 ] && [ "$failure" = "OneGate server doesn't support this feature" ]
}

# Prints the value at path $id of a $1.
get_value() {
  [ "$has_id" = yes ] || misuse 'You have to provide a PATH'
  read_path "$id"
  path_of_document "$1"
  start_requests
  if ask GET "$document_path$value_path"; then
    cat "$work/answer"
    printf '\n'
    return
  fi
  if knows_no_paths; then
    ask GET "$document_path" || fail "$failure"
    if find_value "$1"; then
      cat "$work/output"
      return
    fi
    status=404
  fi
  [ "$status" = 404 ] || fail "$failure"
  printf 'ERROR: \n%s\n' "$failure" >&2
  exit 1
}

command_vm() {
  path_of_vm
  case $action in
    get) get_value vm ;;
    show) show vm "$vm_path" ;;
    update)
      if [ "$has_data" = yes ]; then
        start_requests
        update 1 "$data" || fail "$failure"
      elif [ "$has_erase" = yes ]; then
        start_requests
        update 2 "$erase" || fail "$failure"
      else
        misuse 'You have to provide the data as a param (--data, --erase)'
      fi
      ;;
    resume | stop | suspend | terminate | reboot | poweroff | resched | unresched | hold | release | delete | shutdown)
      [ "$has_id" = yes ] || misuse 'You have to provide a VM ID'
      start_requests
      parameters=''
      [ "$hard" = no ] || parameters=',"params":true'
      printf '{"action":{"perform":"%s"%s}}' "$action" "$parameters" >"$work/body"
      ask POST "$vm_path/action" "$JSON" || fail "$failure"
      ;;
    *) unsupported "$action" ;;
  esac
}

command_service() {
  case $action in
    get) get_value service ;;
    show)
      # Only the extended form tells states and addresses, which the text shows (seed 003, 5.3.2).
      [ "$json" = yes ] || extended=yes
      show service /service "$extended"
      ;;
    scale)
      [ -n "$role" ] || misuse 'You have to provide a role (--role)'
      case $cardinality in
        '' | *[!0-9]*) misuse 'You have to provide a number of virtual machines (--cardinality)' ;;
      esac
      start_requests
      printf '{"cardinality":"%s"}' "$cardinality" >"$work/body"
      ask PUT "/service/role/$(segment "$role")" "$JSON" || fail "$failure"
      ;;
    *) unsupported "$action" ;;
  esac
}

command_network() {
  [ "$action" = show ] || unsupported "$action"
  if [ "$resource" = vrouter ]; then
    show vrouter /vrouter "$extended"
  else
    [ "$has_id" = yes ] || misuse 'You have to provide a VNET ID'
    show vnet "/vnet/$(segment "$id")" "$extended"
  fi
}

# Tokens.

# Sets $lifetime to the whole seconds that a token shall live, if that is asked for.
read_lifetime() {
  lifetime=''
  [ -n "$option_lifetime" ] || return 0
  bounded --lifetime "$option_lifetime" 1 86400 || fail "$failure"
  whole_seconds "$trimmed"
  lifetime=$whole
}

command_identity() {
  [ -n "$option_audience" ] || misuse 'You have to provide an audience (--audience)'
  read_lifetime
  start_requests
  query=audience=$(segment "$option_audience")
  ask GET "/identity?$query${lifetime:+&lifetime=$lifetime}" || fail "$failure"
  trim "$(cat "$work/answer")"
  printf '%s\n' "$trimmed"
}

command_token() {
  read_lifetime
  case $option_scope in *[!\ -~]*) fail '--scope holds characters that no scope has.' ;; esac
  start_requests
  wishes=${lifetime:+\"lifetime_seconds\":$lifetime}
  if [ "$has_scope" = yes ]; then wishes=$wishes${wishes:+,}\"scope\":$(shown "$option_scope"); fi
  printf '{%s}' "$wishes" >"$work/body"
  ask POST /token "$JSON" || fail "$failure"
  if [ "$json" = yes ]; then
    print_answer token
    return
  fi
  wanted='' root_name=token awk -v mode=text "$JSON_READER$VALUE_FINDER" "$work/answer" >"$work/output" ||
    fail "The server's answer holds no token."
  cat "$work/output"
}

# Changes. A look asks once, with the ETag that is known, so that OneGate holds the answer until something changes.

# Looks at $1, whose ETag is $2. Fails with $failure; $status is 304 when nothing has changed.
look_at() {
  method=GET path=$1 type='' known_etag=$2
  parameters=$watch_query
  [ -z "$2" ] || parameters=$parameters${parameters:+&}wait=$hold
  exchange "$path${parameters:+?$parameters}"
  known_etag=''
  case $status in
    2?? | 304) return 0 ;;
  esac
  failure_of_answer
  return 1
}

# Sets $seen to same, absent or present, then with the state in $work/output, and $held to whether OneGate waits for
# changes by itself.
look() {
  seen=same held=yes
  if [ -z "$segments" ]; then
    look_at_document || return 1
    if [ "$status" != 304 ]; then
      seen=present
      render_answer "$watched" yes || fail "$failure"
    fi
  elif [ "$in_document" = yes ]; then
    look_at_document || return 1
    if [ "$status" != 304 ]; then
      seen=absent
      if find_value "$watched"; then seen=present; fi
      [ "$seen$json" != presentyes ] || quote_output
    fi
  elif [ "$is_absent" = yes ]; then
    look_for_appearance
  else
    look_at_value
  fi
}

look_at_document() {
  look_at "$document_path" "$document_etag" || return 1
  [ "$status" = 304 ] || document_etag=$etag
  [ -n "$document_etag" ] || held=no
}

look_at_value() {
  if look_at "$document_path$value_path" "$value_etag"; then
    [ "$status" != 304 ] || return 0
    value_etag=$etag seen=present
    [ -n "$value_etag" ] || held=no
    render_value
    return 0
  fi
  if knows_no_paths; then
    in_document=yes
    return 0
  fi
  [ "$status" = 404 ] || return 1
  seen=absent is_absent=yes value_etag='' document_etag=''
}

# The document's ETag is taken before the path is looked at again, so nothing that appears between is missed.
look_for_appearance() {
  look_at_document || return 1
  [ "$status" != 304 ] || return 0
  is_absent=no noted_etag=$document_etag noted_held=$held
  look_at_value || return 1
  [ "$is_absent" = no ] || document_etag=$noted_etag held=$noted_held
}

render_value() {
  if [ "$json" = yes ]; then
    case $content_type in
      text/*)
        mv "$work/answer" "$work/output"
        quote_output
        ;;
      *) render_answer value yes || fail "$failure" ;;
    esac
    return
  fi
  {
    cat "$work/answer"
    printf '\n'
  } >"$work/output"
}

# The bare text in $work/output as a JSON string.
quote_output() {
  awk '
    BEGIN {
      for (i = 1; i < 32; i++) escape[sprintf("%c", i)] = sprintf("\\u%04x", i)
      escape["\b"] = "\\b"; escape["\f"] = "\\f"; escape["\r"] = "\\r"; escape["\t"] = "\\t"
      escape["\""] = "\\\""; escape["\\"] = "\\\\"
      printf "\""
    }
    {
      if (NR > 1) printf "\\n"
      for (i = 1; i <= length($0); i++) {
        character = substr($0, i, 1)
        printf "%s", (character in escape) ? escape[character] : character
      }
    }
    END { print "\"" }' "$work/output" >"$work/quoted"
  mv "$work/quoted" "$work/output"
}

watch_log() {
  printf 'onegate watch: %s\n' "$1" >&2
}

command_watch() {
  watched=vm wanted_path=$action
  case $action in vm | service) watched=$action wanted_path=$id ;; esac
  segments='' value_path=''
  [ -z "$wanted_path" ] || read_path "$wanted_path"
  bounded --wait "$option_wait" 1 "$MAX_HOLD_S" || fail "$failure"
  whole_seconds "$trimmed"
  hold=$whole
  path_of_document "$watched"
  watch_query=''
  if [ "$watched" = service ]; then
    [ -n "$segments" ] || [ "$json" = yes ] || extended=yes
    [ "$extended" = no ] || watch_query=extended=true
  fi
  trap end_watch HUP INT TERM
  start_requests
  timeout=$(awk -v timeout="$timeout" -v hold="$hold" 'BEGIN { print timeout + hold }')
  [ "$has_exec" = no ] || start_runner
  watch_changes
}

watch_changes() {
  document_etag='' value_etag='' in_document=no is_absent=no
  told='' is_told=no tries=0 wait_s=0.5 is_lost=no is_polling=no calm=0
  while :; do
    began=$(date +%s)
    if ! look; then
      if [ "$lasting" = yes ] || ! may_retry; then fail "$failure"; fi
      tries=$((tries + 1))
      [ "$is_lost" = yes ] || watch_log "$failure It is asked again until it answers."
      is_lost=yes
      pause_before_retry || nap "$MAX_RETRY_AFTER_S"
      continue
    fi
    [ "$is_lost" = no ] || watch_log 'OneGate answers again.'
    tries=0 wait_s=0.5 is_lost=no is_change=no
    [ "$seen" != absent ] || is_told=no
    if [ "$seen" = present ]; then tell_change; fi
    if [ "$held" = no ]; then
      [ "$is_polling" = yes ] || watch_log "This server does not tell changes as they come: it is asked every $POLL_S s."
      is_polling=yes
      nap "$POLL_S"
      continue
    fi
    # A server that says it holds answers, and gives the same again at once, is asked less and less often.
    calm=$((calm + 1))
    if [ "$is_change" = yes ] || [ $(($(date +%s) - began)) -gt 0 ]; then calm=0; fi
    if [ "$calm" -gt 6 ]; then nap "$POLL_S"; elif [ "$calm" -gt 2 ]; then nap 1; else nap 0.1; fi
  done
}

# The dot keeps the line breaks at the end.
tell_change() {
  now=$(
    cat "$work/output"
    printf .
  )
  [ "$is_told$now" != "yes$told" ] || return 0
  told=$now is_told=yes is_change=yes
  if [ "$has_exec" = no ]; then
    cat "$work/output"
  else
    mv "$work/output" "$work/next"
    printf '\n' >&3
  fi
  [ "$once" = no ] || end_after_first
}

end_after_first() {
  [ -z "$runner_pid" ] || await_commands
  exit 0
}

# The end of the changes is the runner's, after the command that is at work.
await_commands() {
  exec 3>&-
  wait "$runner_pid"
  runner_pid=''
}

# The command runs in a process of its own, never twice at once: it takes the newest state, and what changes meanwhile
# waits for it in $work/next.
start_runner() {
  mkfifo "$work/changes" || fail "No pipe can be made in $work."
  exec 3<>"$work/changes"
  leader=''
  if in_path setsid; then leader=$found; fi
  run_commands <"$work/changes" &
  runner_pid=$!
}

run_commands() {
  trap - EXIT
  trap '' HUP INT TERM
  exec 3>&-
  unset LC_ALL
  shell_of_command=/bin/sh
  while read -r _; do
    mv "$work/next" "$work/now" 2>/dev/null || continue
    unset ONEGATE_VALUE
    if [ "$(wc -c <"$work/now")" -le "$MAX_VARIABLE_BYTES" ]; then
      ONEGATE_VALUE=$(cat "$work/now")
      export ONEGATE_VALUE
    fi
    result=0
    (
      trap - HUP INT TERM
      # Leader of a group, as a ready script is. Only a new shell knows its own pid.
      # shellcheck disable=SC2016
      exec "$shell_of_command" -c 'echo "$$" >"$0" && exec "$@"' "$work/command" ${leader:+"$leader"} \
        "$shell_of_command" -c "$option_exec" <"$work/now"
    ) || result=$?
    : >"$work/command"
    if [ "$result" -gt 128 ] && signal=$(kill -l "$((result - 128))" 2>/dev/null); then
      watch_log "The command was killed by SIG${signal#SIG}."
    elif [ "$result" != 0 ]; then
      watch_log "The command ended with exit code $result."
    fi
  done
}

end_watch() {
  trap '' HUP INT TERM
  end_children
  if [ -n "$runner_pid" ]; then
    rm -f "$work/next"
    exec 3>&-
    client_pid=$runner_pid whole=$GRACE_S
    await_client
    [ "$timed_out" = yes ] || runner_pid=''
  fi
  exit 0
}

# READY at the end of a boot (spec onegate-cli.md 4).

# READY_SCRIPT in plain text. Base64 is taken for such only when it is whole, and text comes out: `true` and `date` are
# words of that alphabet, too.
plain_script() {
  awk '
    { sub(/\r$/, ""); packed = packed $0 }
    END {
      alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
      for (i = 1; i <= 64; i++) code[substr(alphabet, i, 1)] = i - 1
      if (packed !~ /^[A-Za-z0-9+\/]+=?=?$/ || length(packed) % 4) exit 1
      for (i = 1; i <= length(packed) && substr(packed, i, 1) != "="; i++) {
        bits = bits % 4096 * 64 + code[substr(packed, i, 1)]
        if (i % 4 == 2) add(int(bits / 16) % 256)
        if (i % 4 == 3) add(int(bits / 4) % 256)
        if (i % 4 == 0) add(bits % 256)
      }
      if (more) exit 1
      for (i = 1; i <= count; i++) printf "%c", bytes[i]
    }
    # Counts off the bytes of UTF-8; what is none, and control characters, are no text.
    function add(byte) {
      if (more) {
        if (byte < least || byte > most) exit 1
        more--; least = 128; most = 191
      }
      else if (byte >= 194 && byte < 245) {
        more = 1 + (byte >= 224) + (byte >= 240); least = 128; most = 191
        if (byte == 194 || byte == 224) least = 160
        if (byte == 240) least = 144
        if (byte == 237) most = 159
        if (byte == 244) most = 143
      }
      else if (byte >= 127 || (byte < 32 && byte != 9 && byte != 10 && byte != 13)) exit 1
      bytes[++count] = byte
    }' <<SCRIPT
$1
SCRIPT
}

# The script runs with the context and the environment of the caller, in bash where there is one, as the original's do.
start_ready_script() {
  unset LC_ALL
  set +u
  if [ -n "$context_file" ]; then
    # Before they are exported: with one that is too large, nothing can be run any more.
    context_names=$(sed -n 's/^\(export \)\{0,1\}\([A-Za-z_][A-Za-z0-9_]*\)=.*/\2/p' "$context_file")
    set -a
    # shellcheck disable=SC1090
    . "$context_file"
    for name in $context_names; do
      eval "[ \${#$name} -le $MAX_VARIABLE_BYTES ] || unset $name"
    done
  fi
  eval "$caller_environment"
  shell=/bin/sh
  [ ! -x /bin/bash ] || shell=/bin/bash
  if [ -z "$script_path" ]; then
    set -- "$shell" -c "$script"
  elif [ -x "$script_path" ]; then
    set -- "$script_path"
  else
    set -- "$shell" "$script_path"
  fi
  # Leader of a group, where that can be had, so that it can be ended with all it started.
  if in_path setsid; then set -- "$found" "$@"; fi
  exec "$@"
}

# True when there is no script, or it succeeds; tells why not.
ready_script_succeeds() {
  [ -n "$script$script_path" ] || return 0
  run_watched start_ready_script "$MAX_READY_SCRIPT_S"
  [ "$result" != 0 ] || return 0
  reason="ended with exit code $result"
  if [ "$timed_out" = yes ]; then
    reason="did not end within $MAX_READY_SCRIPT_S s and was killed"
  elif [ "$result" -gt 128 ] && signal=$(kill -l "$((result - 128))" 2>/dev/null); then
    reason="was killed by SIG${signal#SIG}"
  fi
  printf 'The ready script %s\n' "$reason" >&2
  return 1
}

# The built-in checks: each adds to $reasons why it did not pass.

add_reason() {
  reasons=$reasons${reasons:+; }$1
}

# Takes port, or host:port or [::1]:port, apart; sets $host and $port, $host empty for this machine.
read_port() {
  port=${1##*:} host=${1%:*}
  case $1 in
    \[*\]:*) host=${host#\[} host=${host%\]} ;;
    *:*:* | :*) port='' ;;
    *:*) ;;
    *) host='' ;;
  esac
  case $port in
    '' | *[!0-9]* | ??????*) port=0 ;;
  esac
  if [ "$port" -lt 1 ] || [ "$port" -gt 65535 ]; then
    failure="READY_TCP must be ports such as 80 or db.example:5432, not $(shown "$1")."
    return 1
  fi
}

check_port() {
  read_port "$1" || return 1
  if [ -n "$host" ]; then
    connects "$host" && return 0
  else
    connects 127.0.0.1 && return 0
    first_reason=$reason
    connects ::1 && return 0
    reason=$first_reason
  fi
  add_reason "TCP port $1 does not answer: $reason"
}

# Whether $1 takes a connection on $port; sets $reason where not.
connects() {
  check_host=$1
  : >"$work/log"
  : >"$work/raw"
  run_watched start_connection "$((MAX_CHECK_S + 1))"
  reason=''
  case $check_client in
    bash) [ "$result" != 0 ] || return 0 ;;
    # It tells how long it took to be connected.
    curl) grep -q '[1-9]' "$work/raw" && return 0 ;;
    wget) grep -q 'connected\.$' "$work/log" && return 0 ;;
    # Connected, it waits for the other side until it is ended.
    *) { [ "$result" = 0 ] || [ "$timed_out" = yes ]; } && return 0 ;;
  esac
  if reason_in_log; then
    reason=${reason#the } reason=${reason#its name is not known}
    reason=${reason#connection was } reason=${reason:-unknown name}
    [ "$reason" != refused ] || reason='connection refused'
  else
    reason='no connection in time'
  fi
  return 1
}

start_connection() {
  case $check_client in
    bash) exec bash -c ': <>"/dev/tcp/$0/$1"' "$check_host" "$port" >/dev/null 2>"$work/log" </dev/null ;;
    curl)
      case $check_host in *:*) check_host="[$check_host]" ;; esac
      # Connected, it waits for the other side until it is ended.
      exec "$program" -q -sSv -g --noproxy '*' --max-time "$MAX_CURL_CHECK_S" -w '%{time_connect}' "telnet://$check_host:$port" \
        >"$work/raw" 2>"$work/log" </dev/null
      ;;
    wget)
      case $check_host in *:*) check_host="[$check_host]" ;; esac
      exec "$program" --no-config --no-proxy --tries=1 --timeout="$MAX_CHECK_S" --max-redirect=0 -O /dev/null \
        -o "$work/log" "http://$check_host:$port/" >/dev/null 2>&1 </dev/null
      ;;
    *)
      # Not every nc knows a limit, and ours comes a second later.
      set -- "$program" ${applet:+"$applet"} -w "$MAX_CHECK_S"
      [ "$nc_half_closes" = yes ] || set -- "$program" -v -z -w "$MAX_CHECK_S"
      exec "$@" "$check_host" "$port" >/dev/null 2>"$work/log" </dev/null
      ;;
  esac
}

# Asked in the way OneGate is, but without a token, and whosever the certificate is.
check_address() {
  shown_address=${1%%[?#]*}
  case $shown_address in *://*@*) shown_address=${shown_address%%://*}://${shown_address#*@} ;; esac
  if ! split_url "$1"; then
    failure="READY_HTTP must be a URL such as http://127.0.0.1/health, not $(shown "$shown_address")."
    return 1
  fi
  read_endpoint "$1" || return 1
  scheme=$url_scheme
  if ! choose_client; then
    add_reason "$shown_address cannot be asked: TLS needs curl or GNU wget"
    return 0
  fi
  rest=${1#*://}
  case $rest in
    */*) rest=/${rest#*/} ;;
    *\?*) rest=/?${rest#*\?} ;;
    *) rest=/ ;;
  esac
  saved_insecure=$insecure insecure=yes proxy='' token='' method=GET type='' timeout=$MAX_CHECK_S
  exchange "${rest%%#*}"
  insecure=$saved_insecure
  # The body plays no part, and may never end.
  if [ "$status" = 000 ]; then
    if [ "$client" = nc ]; then read_head "$work/raw" first; else read_head "$work/head"; fi
  fi
  case $status in
    2??) ;;
    000)
      reason=${lost#*cannot be reached: }
      case $lost in *'did not answer'*) reason="nothing came within $MAX_CHECK_S s" ;; esac
      reason=${reason%.}
      [ "$reason" != 'the connection was refused' ] || reason='connection refused'
      add_reason "$shown_address does not answer: $reason"
      ;;
    *) add_reason "$shown_address answers $status" ;;
  esac
}

check_unit() {
  case $1 in
    '' | *[!A-Za-z0-9_.@:\\-]*)
      failure="READY_UNIT must be systemd units such as nginx.service, not $(shown "$1")."
      return 1
      ;;
  esac
  if ! in_path systemctl; then
    add_reason "systemctl is-active $1 cannot be run: there is no systemctl"
    return 0
  fi
  systemctl=$found unit=$1
  run_watched start_systemctl "$MAX_CHECK_S"
  [ "$result" = 0 ] || add_reason "the unit $1 is not active"
}

start_systemctl() {
  exec "$systemctl" is-active --quiet -- "$unit" >/dev/null 2>&1 </dev/null
}

# Does `$1 WORD` for the words of $3, which blanks (and with $2=commas, commas) part.
for_words() {
  words=$3
  if [ "$2" = commas ]; then words=$(printf '%s' "$words" | tr , ' '); fi
  set -f
  # shellcheck disable=SC2086
  set -- "$1" $words
  set +f
  check=$1
  shift
  for word in "$@"; do
    "$check" "$word" || return 1
  done
}

# Sets $reasons to why the checks do not pass. Fails, with $failure, when one cannot be understood.
run_checks() {
  reasons=''
  [ -z "$ready_tcp$ready_http" ] || choose_check_client || return 1
  for_words check_port commas "$ready_tcp" || return 1
  for_words check_address blanks "$ready_http" || return 1
  [ -z "$ready_file" ] || [ -e "$ready_file" ] || add_reason "the file $ready_file does not exist"
  for_words check_unit commas "$ready_unit"
}

# Any client of OneGate's can look at a port, whatever the endpoint; bash does it best.
choose_check_client() {
  scheme=http where=''
  choose_client || return 1
  check_client=$client
  if in_path bash; then check_client=bash; fi
}

# One short line without what the original's scanner trips over (spec onegate-api.md 4.4).
reason_text() {
  printf '%s' "$1" | tr '\001-\037\177"\\[],=' "                                ''();:" | awk -v most="$MAX_REASON_BYTES" '
    {
      gsub(/ +/, " "); sub(/^ /, ""); sub(/[ .]+$/, ""); sub(/^the /, "The ")
      if (length($0) < most) { printf "%s.", $0; exit }
      text = substr($0, 1, most - 3)
      # A character that was cut in two.
      sub(/[\300-\377][\200-\277]*$/, "", text)
      printf "%s...", text; exit
    }'
}

# READY=NO with its reason, where that is asked for; tried again, since nothing comes after it.
tell_failure() {
  [ "$tells_failure" = yes ] || return 0
  text="READY=NO
READY_REASON=\"$(reason_text "$1")\""
  option_retries=$asked_retries has_retries=$has_asked_retries
  if prepare && update 1 "$text"; then
    printf 'Reported not READY\n'
  else
    printf 'ERROR: \n%s\nFailed to report not READY\n' "$failure" >&2
  fi
}

# A boot before this one may have left its reason. Servers that cannot remove it in the same PUT get two.
report_ready() {
  prepare || return 1
  if [ "$tells_failure" = no ]; then
    update 1 READY=YES
    return
  fi
  update 1 'READY=YES
READY_REASON=[]' && return 0
  case $status in 400 | 500) ;; *) return 1 ;; esac
  update 1 READY=YES || return 1
  # Refused where there is none, too.
  update 2 READY_REASON || return 0
}

# Sets $value to what option $1 or else variable $2 says.
option_or_variable() {
  variable "$2"
  [ -z "$1" ] || value=$1
}

read_checks() {
  option_or_variable "$option_tcp" READY_TCP
  ready_tcp=$value
  option_or_variable "$option_http" READY_HTTP
  ready_http=$value
  option_or_variable "$option_file" READY_FILE
  ready_file=$value
  option_or_variable "$option_unit" READY_UNIT
  ready_unit=$value
  variable REPORT_READY_FAILURE
  tells_failure=no
  case $value in
    [Yy][Ee][Ss]) tells_failure=yes ;;
    [Nn][Oo]) ;;
    *) [ -z "$ready_tcp$ready_http$ready_file$ready_unit" ] || tells_failure=yes ;;
  esac
}

command_ready() {
  trap 'end_with 1' HUP INT TERM
  asked_retries=$option_retries has_asked_retries=$has_retries
  read_context
  variable REPORT_READY
  [ "$value" = YES ] || exit 0
  read_checks
  variable RETRY_COUNT
  bounded RETRY_COUNT "${value:-3}" 1 "$MAX_RETRY_COUNT" || fail_ready
  tries_left=${trimmed%.*}
  variable RETRY_WAIT_PERIOD
  bounded RETRY_WAIT_PERIOD "${value:-10}" 0 "$MAX_RETRY_WAIT_S" || fail_ready
  period=$trimmed
  variable READY_SCRIPT_PATH
  script_path=$value script=''
  if [ -z "$script_path" ]; then
    variable READY_SCRIPT
    script=$value
    if unpacked=$(plain_script "$script"); then script=$unpacked; fi
  fi
  make_work || fail "$failure"
  vm_path=/vm
  while :; do
    # RETRY_COUNT counts the tries, so none is repeated within.
    option_retries=0 has_retries=yes
    reason_of_try=''
    run_checks || fail_ready
    if [ -n "$reasons" ]; then
      reason_of_try=$reasons
      printf '%s\n' "$reasons" >&2
    elif [ -n "$script_path" ] && [ ! -e "$script_path" ]; then
      printf '%s does not exist\n' "$script_path" >&2
      tell_failure "$script_path does not exist"
      exit 1
    elif ! ready_script_succeeds; then
      reason_of_try="The ready script $reason"
    elif report_ready; then
      printf 'Reported READY\n'
      exit 0
    else
      printf 'ERROR: \n%s\nFailed to report READY\n' "$failure" >&2
    fi
    tries_left=$((tries_left - 1))
    [ "$tries_left" -gt 0 ] || break
    nap "$period"
  done
  [ -z "$reason_of_try" ] || tell_failure "$reason_of_try"
  exit 1
}

# A context that cannot be understood never becomes ready, which its owner should see without a console.
fail_ready() {
  fault=$failure
  vm_path=/vm
  make_work && tell_failure "$fault"
  fail "$fault"
}

# What is wrong, and what to do: less than what the command for Node finds out.

found_ok() {
  printf 'ok      %-12s%s\n' "$1" "$2"
}

found_wrong() {
  printf 'WRONG   %-12s%s\n%20s-> %s\n' "$1" "$2" '' "$3"
  is_wrong=yes
}

doctor_context() {
  variable ONEGATE_ENDPOINT
  if [ -n "$context_file" ]; then
    found_ok context "It is read from $context_file."
  elif [ -n "${ONEGATE_ENDPOINT:-}${TOKENTXT:-}${ONEGATE_TOKEN:-}${VMID:-}" ]; then
    found_ok context 'It comes from the environment.'
  else
    missing_file=$ONE_ENV
    [ -z "$context_directory" ] || missing_file=$context_directory/context.sh
    found_wrong context "There is no context: $missing_file cannot be read." \
      'Is the context package installed, and did it run? Otherwise mount the disk that is labelled CONTEXT and set CONTEXT_DIR to it.'
  fi
}

doctor_identity() {
  # What is wrong first is told; the rest depends on it.
  if read_identity; then
    found_ok endpoint "$where"
    found_ok token 'There is one.'
    found_ok 'vm id' "$vm_id"
    if [ -n "$file_VMID" ] && [ "$file_VMID" != "$vm_id" ] && [ -z "${TOKENTXT:-}${ONEGATE_TOKEN:-}" ]; then
      found_wrong 'vm id' "VMID is $vm_id in the environment, but the context and its token are of VM $file_VMID." 'Unset VMID.'
    fi
    return 0
  fi
  case $failure in
    ONEGATE_ENDPOINT*) found_wrong endpoint "$failure" 'The context has ONEGATE_ENDPOINT where the cloud knows its OneGate.' ;;
    *token*) found_wrong token "$failure" "The VM's template needs CONTEXT = [ TOKEN = \"YES\" ]; then power the VM off and on." ;;
    *) found_wrong 'vm id' "$failure" 'The context carries VMID; was all of it sourced?' ;;
  esac
  return 1
}

doctor_connection() {
  case $lost in
    *'name is not known'*) found_wrong name "$lost" 'Correct ONEGATE_ENDPOINT, or see whether /etc/resolv.conf names a server that answers.' ;;
    *refused*) found_wrong connection "$lost" 'Is OneGate running there, on this port, and listening on more than its own loopback?' ;;
    *certificate*) found_wrong tls "$lost" 'Add its authority to those of this machine, or take any with ONEGATE_INSECURE=YES.' ;;
    *'TLS handshake'* | *'needs TLS'* | *'cannot do TLS'*) found_wrong tls "$lost" 'Does the server speak TLS on this port, and this client?' ;;
    *'did not answer'* | *'timed out'*) found_wrong connection "$lost" 'A firewall or security group drops it, or the address is wrong.' ;;
    *) found_wrong connection "$lost" 'See what lies between.' ;;
  esac
}

# Sets $body to the answer's first line.
read_body() {
  body=$(sed -n 1p "$work/answer")
}

doctor_gate() {
  own_token=$token
  token='' method=GET type=''
  exchange /vm
  token=$own_token
  read_body
  case $status$body in
    000*)
      doctor_connection
      return 1
      ;;
    '401Not authorized'* | '403Action ('* | '200{"VM":'*) found_ok onegate "$where is a OneGate." ;;
    429*)
      found_wrong onegate 'OneGate limits how often this VM may ask (429).' "Try again ${retry_after:+in $retry_after s, or }later."
      return 1
      ;;
    5*)
      found_wrong onegate "$where answers $status." 'OneGate, or a proxy before it, is in trouble: see its log.'
      return 1
      ;;
    *)
      found_wrong onegate "$where is not a OneGate: it answers $status." \
        "A web server, or a proxy's login page: correct ONEGATE_ENDPOINT, or put the host into no_proxy."
      return 1
      ;;
  esac
}

doctor_access() {
  exchange /vm
  case $status in
    200) found_ok access "The token is taken, for VM $vm_id." ;;
    401)
      found_wrong access "OneGate does not take the token for VM $vm_id." \
        "Token or VMID is of another VM, or the TOKEN_PASSWORD of the VM's creator has changed: power the VM off and on to get a new token."
      ;;
    *)
      read_body
      found_wrong access "OneGate answers $status: $body" 'Ask who runs the cloud.'
      ;;
  esac
}

command_doctor() {
  is_wrong=no
  read_context
  doctor_context
  [ "$has_timeout" = yes ] || option_timeout=5 has_timeout=yes
  if doctor_identity; then
    if prepare; then
      if doctor_gate; then doctor_access; fi
    else
      lost=$failure
      doctor_connection
    fi
  fi
  [ "$is_wrong" = no ] || exit 1
  printf 'Nothing is wrong.\n'
}

parse_arguments "$@"
if [ "$help" = yes ]; then
  print_help
  exit 0
fi
case $resource in
  vm) command_vm ;;
  service) command_service ;;
  vrouter | vnet) command_network ;;
  ready) command_ready ;;
  watch) command_watch ;;
  identity) command_identity ;;
  token) command_token ;;
  doctor) command_doctor ;;
  *)
    print_help
    exit 255
    ;;
esac
