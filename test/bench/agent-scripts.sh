#!/bin/sh
# The host agent's probes as small forked scripts: what upstream's way of monitoring costs at the least.
# Arguments: the process driver's folder. Default periods; ends with its parent.
run_dir=$1

host_monitor() {
  sh -c 'awk "/^cpu /{print}" /proc/stat'
  sh -c 'awk "/^Mem(Total|Free|Available)/{print}" /proc/meminfo'
  sh -c 'awk "NR>2{print}" /proc/net/dev'
  sh -c 'cat /sys/devices/system/node/node0/meminfo'
}

host_system() {
  sh -c 'uname -m; uname -n'
  sh -c 'cat /proc/cpuinfo'
  sh -c 'awk "/^MemTotal/{print}" /proc/meminfo'
  sh -c 'ls /sys/fs/cgroup'
  sh -c 'df -m /'
  sh -c 'cat /sys/devices/system/node/node0/meminfo'
  sh -c 'ls /sys/bus/pci/devices'
}

# One process for all guests, as upstream's probe does it, which reads a file for each.
vm_status() {
  sh -c 'for note in "$1"/*/guest.json; do
    read -r text <"$note"
    pid=${text#*:} pid=${pid%%,*}
    read -r stat <"/proc/$pid/stat" && echo "VM=[ID=${note%/guest.json},STATE=$stat]"
  done' status "$run_dir"
}

vm_monitor() {
  sh -c 'for note in "$1"/*/guest.json; do
    read -r text <"$note"
    pid=${text#*:} pid=${pid%%,*}
    awk "{print \$14, \$15}" "/proc/$pid/stat"
    awk "/^Rss/{print}" "/proc/$pid/smaps_rollup"
    awk "{print}" "/proc/$pid/io"
  done' monitor "$run_dir"
}

second=0
while kill -0 "$PPID" 2>/dev/null; do
  {
    [ $((second % 30)) -eq 0 ] && sh -c 'date +%s'
    [ $((second % 120)) -eq 0 ] && host_monitor
    [ $((second % 600)) -eq 0 ] && host_system
    [ $((second % 5)) -eq 0 ] && vm_status
    [ $((second % 30)) -eq 0 ] && vm_monitor
  } >/dev/null 2>&1
  second=$((second + 5))
  sleep 5
done
