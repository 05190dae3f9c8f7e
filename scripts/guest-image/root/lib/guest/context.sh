# The context: a disc with the label CONTEXT, with context.sh and perhaps token.txt.

CONTEXT_MOUNT=/mnt
ONE_ENV=/run/one-context/one_env
MAX_CONTEXT_BYTES=1048576
MAX_TOKEN_BYTES=8192
# Of twentieths of a second: discs are found while we look.
DISC_PATIENCE=200
MAX_NICS=8
MAX_HOST_NAME=63

CONTEXT_NAMES='VMID NAME SET_HOSTNAME ONEGATE_ENDPOINT TOKEN START_SCRIPT START_SCRIPT_BASE64 DNS METRICS_INTERVAL'
NIC_NAMES='MAC IP MASK GATEWAY DNS METHOD MTU METRIC IP6 IP6_PREFIX_LENGTH IP6_GATEWAY'

# Copies the context to $ONE_ENV, where `onegate` looks for it, and sets context_NAME for each of the names above.
read_context() {
  mount_disc || return 1
  mkdir -p "${ONE_ENV%/*}"
  mask=$(umask)
  umask 077
  head -c $MAX_CONTEXT_BYTES $CONTEXT_MOUNT/context.sh >$ONE_ENV
  if [ -f $CONTEXT_MOUNT/token.txt ]; then
    IFS= read -r token <$CONTEXT_MOUNT/token.txt
    [ ${#token} -le $MAX_TOKEN_BYTES ] || token=''
    quoted "$token"
    printf 'TOKENTXT=%s\n' "$quoted" >>$ONE_ENV
  fi
  umask "$mask"
  umount $CONTEXT_MOUNT
  names=$CONTEXT_NAMES
  nic=0
  while [ $nic -lt $MAX_NICS ]; do
    for name in $NIC_NAMES; do names="$names ETH${nic}_$name"; done
    nic=$((nic + 1))
  done
  # A context that no shell reads to its end says nothing.
  for name in $names; do eval "context_$name=''"; done
  eval "$(context_assignments)"
}

# By its label, once it is there.
mount_disc() {
  tries=0
  while [ $tries -lt $DISC_PATIENCE ]; do
    if a_disc_is_there; then
      mount -t iso9660 -o ro,nosuid,nodev,noexec LABEL=CONTEXT $CONTEXT_MOUNT 2>/dev/null && return
    fi
    load_slow_discs
    usleep 50000
    tries=$((tries + 1))
  done
  return 1
}

a_disc_is_there() {
  for block in /sys/class/block/*; do
    case ${block##*/} in loop* | ram* | '*') ;; *) return 0 ;; esac
  done
  return 1
}

# What the context says of $names, as assignments. In a subshell: the file may set anything, PATH and IFS among it.
context_assignments() (
  for name in $names; do unset "$name"; done
  own_path=$PATH own_names=$names
  . $ONE_ENV >/dev/null 2>&1 </dev/null
  PATH=$own_path
  unset IFS
  for name in $own_names; do
    eval "value=\${$name-}"
    quoted "$value"
    echo "context_$name=$quoted"
  done
)

# Sets $quoted: $1 as one word of a shell.
quoted() {
  quoted="'"
  rest=$1
  while [ "$rest" != "${rest#*\'}" ]; do
    quoted="$quoted${rest%%\'*}'\\''"
    rest=${rest#*\'}
  done
  quoted="$quoted$rest'"
}

# Letters, digits, dots and dashes, as names of hosts are.
set_host_name() {
  wanted=${context_SET_HOSTNAME:-${context_NAME:-}}
  case $wanted in
    *[!A-Za-z0-9.-]*) wanted=$(printf '%s' "$wanted" | tr -c 'A-Za-z0-9.-' -) ;;
  esac
  [ ${#wanted} -le $MAX_HOST_NAME ] || wanted=$(printf "%.${MAX_HOST_NAME}s" "$wanted")
  echo "${wanted:-vm-${context_VMID:-0}}" >/proc/sys/kernel/hostname
}
