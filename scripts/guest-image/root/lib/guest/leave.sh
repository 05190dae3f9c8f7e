# How the guest goes: within a second, and with a word to those who run.

# Of tenths of a second: what did not end by then is killed.
PATIENCE=6

# Presses before somebody looks are lost, so this comes as soon as the button is there.
watch_power_button() {
  for name in /sys/class/input/event*/device/name; do
    [ -e "$name" ] || continue
    read -r title <"$name"
    [ "$title" = 'Power Button' ] || continue
    event=${name#/sys/class/input/}
    # Such a button has one key: whatever comes is its press.
    { dd "if=/dev/input/${event%%/*}" of=/dev/null bs=24 count=1 2>/dev/null && kill -USR2 1; } &
    return
  done
  say 'there is no power button: only a hard shutdown will end this guest'
}

# $1: poweroff or reboot.
leave() {
  trap '' TERM USR2 INT
  say "leaving: $1"
  kill -TERM -1
  tenths=0
  while [ $tenths -lt $PATIENCE ] && others_run; do
    usleep 100000
    tenths=$((tenths + 1))
  done
  kill -KILL -1
  sync
  "$1" -f
}

# Only programs have an exe, neither the kernel's threads nor those who ended.
others_run() {
  for program in /proc/[1-9]*/exe; do
    [ "$program" = /proc/1/exe ] || [ ! -e "$program" ] || return 0
  done
  return 1
}
