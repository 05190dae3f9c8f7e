# What the guest is there for, in the order of OpenNebula's context packages: the start script, then READY; then it
# tells how it fares.

script_path=/run/start-script
DEFAULT_METRICS_INTERVAL_S=10

work() {
  trap - TERM USR2 INT
  start_script
  [ "$context_TOKEN" = YES ] || return 0
  onegate ready || say 'READY is not reported'
  metrics
}

# A script that serves for ever puts itself into the background, as under OpenNebula.
start_script() {
  if [ -n "$context_START_SCRIPT_BASE64" ]; then
    printf '%s' "$context_START_SCRIPT_BASE64" | base64 -d >"$script_path"
  elif [ -n "$context_START_SCRIPT" ]; then
    printf '%s' "$context_START_SCRIPT" >"$script_path"
  else
    return 0
  fi
  chmod 700 "$script_path"
  (
    # The context may set any name.
    set -- "$PATH" "$script_path"
    set -a
    . $ONE_ENV
    set +a
    PATH=$1
    exec setsid "$2" </dev/null
  ) || say "the start script ended with code $?"
}

metrics() {
  interval=$context_METRICS_INTERVAL
  case $interval in '' | *[!0-9]* | 0*) interval=$DEFAULT_METRICS_INTERVAL_S ;; esac
  while sleep "$interval"; do
    read -r load _ </proc/loadavg
    free=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
    onegate vm update --data "LOAD_1=$load
MEMORY_AVAILABLE_KIB=$free" || say 'no metrics are pushed'
  done
}
