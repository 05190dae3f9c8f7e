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
# Linux carries at most 128 KiB in one variable, and a context may hold more.
MAX_VARIABLE_BYTES=30000

FORM=application/x-www-form-urlencoded
JSON=application/json

work='' client='' applet='' nc_option='' client_pid='' watchdog_pid='' timer_pid='' feeder_pid='' nap_pid=''
failure='' trimmed=''

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

onegate ready
    reports READY=YES if the context says REPORT_READY=YES, once
    READY_SCRIPT_PATH or READY_SCRIPT succeeds

## OPTIONS

-j, --json           the server's JSON
-d, --data TEXT      attributes to add or replace
-e, --erase KEY      attribute to remove
-f, --hard           terminate, reboot or power off at once
    --extended       everything about the VMs of a service, or the leases of a network
-r, --role ROLE      role of the service
-c, --cardinality N  how many VMs the role shall have
-k, --insecure       take any TLS certificate; also ONEGATE_INSECURE=YES
    --retries N      tries after a failed connection or a 5xx answer: 3; also ONEGATE_RETRIES
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
HELP
}

# How it ends.

fail() {
  printf 'ERROR: \n%s\n' "$1" >&2
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

# A ready script with its group.
kill_child() {
  kill -KILL "-$1" 2>/dev/null || kill -KILL "$1" 2>/dev/null
}

clean_up() {
  for pid in $watchdog_pid $client_pid $timer_pid $feeder_pid $nap_pid; do kill_child "$pid"; done
  [ -z "$work" ] || rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

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

# Sets $option to the long option that $1 (with its dashes) means; any beginning that only one has will do.
resolve_long() {
  option=''
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
    *) return 1 ;;
  esac
}

set_flag() {
  case $1 in
    json) json=yes ;;
    hard) hard=yes ;;
    extended) extended=yes ;;
    insecure) insecure=yes ;;
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
  REPORT_READY READY_SCRIPT READY_SCRIPT_PATH RETRY_COUNT RETRY_WAIT_PERIOD'

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
  "$@" --help 2>&1 | grep -q -e "$pattern"
}

choose_client() {
  [ -z "$client" ] || return 0
  if in_path curl; then
    client=curl program=$found
  elif in_path wget && help_has --body-file "$found"; then
    client=wget program=$found
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
  [ "$client$scheme" = nchttps ] || return 0
  client=''
  failure="The endpoint $where needs TLS, which nc cannot do, and busybox's wget cannot PUT: install curl or GNU wget."
  return 1
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
    if [ "$tries" -gt "$retries" ] || ! may_retry; then break; fi
    nap "$(awk -v most="$wait_s" -v seed="$$$tries" 'BEGIN { srand(); srand(srand() + seed); print most * (0.5 + rand() / 2) }')"
    wait_s=$(awk -v last="$wait_s" -v most="$MAX_WAIT_S" 'BEGIN { print last * 2 < most ? last * 2 : most }')
  done
  if [ "$status" = 000 ]; then
    failure=$lost
    [ "$tries" = 1 ] || failure="$lost Tried $tries times."
    return 1
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
  return 1
}

may_retry() {
  case $status in
    000) [ "$lasting" = no ] && { [ "$method" != POST ] || [ "$sent" = no ]; } ;;
    502 | 504) [ "$method" != POST ] ;;
    5??) return 0 ;;
    *) return 1 ;;
  esac
}

exchange() {
  status=000 status_text='' location='' lost='' sent=yes lasting=no
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
  nap_pid=''
}

# Sets $whole to $1 seconds, rounded up.
whole_seconds() {
  whole=${1%.*}
  [ "$whole" = "$1" ] || whole=$((whole + 1))
}

# Runs function $1 in the background for $2 seconds at most. Sets $result; $timed_out says whether it was ended.
# SIGKILL, here and in clean_up: between fork and exec a shell still has its parent's traps, and would lose a SIGTERM.
run_watched() {
  whole_seconds "$2"
  rm -f "$work/timed-out" "$work/tick"
  mkfifo "$work/tick"
  "$1" &
  client_pid=$!
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

end_child() {
  kill -KILL "$1" 2>/dev/null
  wait "$1" 2>/dev/null
}

# Reads the last head of an answer in file $1 (with $2=first the first): status line, Location, and its size and form.
read_head() {
  awk -v first="${2:-}" '
    { size += length($0) + 1; sub(/\r$/, "") }
    /^HTTP\/[0-9.]+ [0-9][0-9][0-9]/ {
      status = $2; text = $0; sub(/^[^ ]+ +[0-9]+ ?/, "", text); location = ""; length_told = ""; chunked = "no"; next
    }
    first && NR == 1 { exit }
    $0 == "" { if (first) { whole = 1; exit } next }
    {
      name = tolower($0); sub(/:.*/, "", name); value = $0; sub(/^[^:]*:[ \t]*/, "", value)
      if (name == "location") { location = value; gsub(/[^ -~]/, "?", location) }
      if (name == "content-length" && value ~ /^[0-9]+$/) length_told = value
      if (name == "transfer-encoding" && tolower(value) ~ /chunked/) chunked = "yes"
    }
    END {
      if (status == "" || (first && !whole)) status = "000"
      gsub(/[^ -~]/, "?", text)
      print status; print text; print location; print size; print length_told; print chunked
    }' "$1" >"$work/parsed"
  {
    read -r status
    read -r status_text
    read -r location
    read -r head_size
    read -r length_told
    read -r chunked
  } <"$work/parsed"
}

headers() {
  cat <<HEADERS
X-ONEGATE-TOKEN: $token
X-ONEGATE-VMID: $vm_id
Accept: */*
User-Agent: gatehouse-onegate.sh ($client)
HEADERS
  [ -z "$type" ] || printf 'Content-Type: %s\n' "$type"
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
    headers | sed 's/^/header /'
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
  # `-q` comes first: no one's .curlrc has a say.
  exec "$program" -q -sS -g --http1.1 --path-as-is --max-time "$timeout" "$@" -K "$work/settings" \
    >/dev/null 2>"$work/log" </dev/null
}

# Over GNU wget.

exchange_wget() {
  {
    headers | sed -e '/^Accept:/d' -e '/^User-Agent:/d' -e 's/^/header = /'
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
  set -- --config="$work/settings" --tries=1 --timeout="$whole" --method="$method" "$where$path"
  [ "$insecure" = no ] || set -- --no-check-certificate "$@"
  [ -z "$type" ] || set -- --body-file="$work/body" "$@"
  if "$program" --help 2>&1 | grep -q -e --no-hsts; then set -- --no-hsts "$@"; fi
  exec "$program" --server-response --content-on-error -o "$work/log" -O "$work/answer" "$@" >/dev/null 2>&1 </dev/null
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
    {
      printf '%s %s HTTP/1.1\nHost: %s\nConnection: close\n' "$method" "$target" "$host_header"
      headers
      [ -z "$type" ] || printf 'Content-Length: %d\n' "$(wc -c <"$work/body")"
      printf '\n'
    } | awk '{ printf "%s\r\n", $0 }'
    [ -z "$type" ] || cat "$work/body"
  } >"$work/request"
  rm -f "$work/fifo"
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
  case $status in 204 | 304) return ;; esac
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
    else if (character == ":") { if (want == "colon") { want = "value"; put(": ") } else bad() }
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
function new_line(   i) { put("\n"); for (i = 1; i <= depth; i++) put("  ") }
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

# Prints the answer: as JSON, or as what it tells of a $1.
print_answer() {
  mode=text tty=no program_text=$JSON_READER$TEXT_PRINTER
  [ ! -t 1 ] || tty=yes
  if [ "$json" = yes ]; then
    mode=json program_text="$JSON_READER function render() { return }"
  fi
  if ! awk -v mode="$mode" -v resource="$1" -v tty="$tty" "$program_text" "$work/answer" >"$work/output"; then
    fail "The server's answer is not JSON: is ONEGATE_ENDPOINT right?"
  fi
  cat "$work/output"
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
    printf '%s' "$2" | percent_encoded '*-._' +
    printf '&type=%s' "$1"
  } >"$work/body"
  ask PUT "$vm_path" "$FORM"
}

command_vm() {
  path_of_vm
  case $action in
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

command_ready() {
  read_context
  variable REPORT_READY
  [ "$value" = YES ] || exit 0
  variable RETRY_COUNT
  bounded RETRY_COUNT "${value:-3}" 1 "$MAX_RETRY_COUNT" || fail "$failure"
  left=${trimmed%.*}
  variable RETRY_WAIT_PERIOD
  bounded RETRY_WAIT_PERIOD "${value:-10}" 0 "$MAX_RETRY_WAIT_S" || fail "$failure"
  period=$trimmed
  variable READY_SCRIPT_PATH
  script_path=$value script=''
  if [ -z "$script_path" ]; then
    variable READY_SCRIPT
    script=$value
    if unpacked=$(plain_script "$script"); then script=$unpacked; fi
  fi
  trap 'exit 1' HUP INT TERM
  make_work || fail "$failure"
  # RETRY_COUNT counts the tries, so none is repeated within.
  option_retries=0 has_retries=yes
  vm_path=/vm
  while :; do
    if [ -n "$script_path" ] && [ ! -e "$script_path" ]; then
      printf '%s does not exist\n' "$script_path" >&2
      exit 1
    fi
    if ready_script_succeeds; then
      if prepare && update 1 READY=YES; then
        printf 'Reported READY\n'
        exit 0
      fi
      printf 'ERROR: \n%s\nFailed to report READY\n' "$failure" >&2
    fi
    left=$((left - 1))
    [ "$left" -gt 0 ] || exit 1
    nap "$period"
  done
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
  *)
    print_help
    exit 255
    ;;
esac
