#!/bin/sh
# What udhcpc runs: takes the lease over.
case $1 in
  deconfig) ip addr flush dev "$interface" ;;
  bound | renew)
    # shellcheck disable=SC2154
    ifconfig "$interface" "$ip" netmask "${subnet:-255.255.255.0}"
    for address in ${router:-}; do ip route replace default via "$address" dev "$interface"; done
    [ -z "${mtu:-}" ] || ip link set "$interface" mtu "$mtu"
    # Destinations and their routers (RFC 3442); 0.0.0.0: no router is needed.
    # shellcheck disable=SC2154,SC2086
    set -- ${staticroutes:-}
    while [ $# -ge 2 ]; do
      case $2 in
        0.0.0.0) ip route replace "$1" dev "$interface" ;;
        *) ip route replace "$1" via "$2" dev "$interface" ;;
      esac
      shift 2
    done
    for address in ${dns:-}; do echo "nameserver $address"; done >>/etc/resolv.conf
    ;;
esac
