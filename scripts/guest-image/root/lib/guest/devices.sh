# The devices' drivers. A program takes an emulated processor ten milliseconds to start, so as few as can be are started.

# By the names that PCI has for them. Sets $quick_discs, $slow_discs, $nics and $others to the modules they want.
know_devices() {
  quick_discs='' slow_discs='' nics='' others=''
  for device in /sys/bus/pci/devices/*/modalias; do
    read -r alias <"$device"
    case $alias in
      pci:v00001AF4d00001000* | pci:v00001AF4d00001041*) nics='virtio_pci virtio_net' ;;
      pci:v00001AF4d00001001* | pci:v00001AF4d00001042*) quick_discs='virtio_pci virtio_blk' ;;
      pci:v00001AF4d00001004* | pci:v00001AF4d00001048*) slow_discs="$slow_discs virtio_pci virtio_scsi sr_mod" ;;
      pci:v00001AF4d00001005* | pci:v00001AF4d00001044*) others='virtio_pci virtio_rng' ;;
      pci:v00008086*bc01sc01*) slow_discs="$slow_discs ata_piix sr_mod" ;;
    esac
  done
}

# What the guest waits for. Slow discs answer while the network's drivers are loaded; where there is a quick one, the
# context is likely to be on it. A panic is told, and the power button there, from the start.
load_drivers() {
  know_devices
  [ -n "$quick_discs" ] || load_slow_discs
  # shellcheck disable=SC2086
  load isofs pvpanic_mmio button evdev $quick_discs $nics
}

load_slow_discs() {
  # shellcheck disable=SC2086
  [ -z "$slow_discs" ] || load $slow_discs
  slow_discs=''
}

# What it can do without until it works.
load_other_drivers() {
  # shellcheck disable=SC2086
  [ -z "$others" ] || load $others
}

load() {
  modprobe -a "$@" || say "not all of these drivers are loaded: $*"
}
