#!/bin/sh
# What udhcpc runs: takes the lease over.
case $1 in
  deconfig) ip addr flush dev "$interface" ;;
  bound | renew)
    # shellcheck disable=SC2154
    ifconfig "$interface" "$ip" netmask "${subnet:-255.255.255.0}"
    for address in ${router:-}; do ip route replace default via "$address" dev "$interface"; done
    for address in ${dns:-}; do echo "nameserver $address"; done >>/etc/resolv.conf
    ;;
esac
