# The network, as ETHi_* of the context say, or else as DHCP does.

bring_up_network() {
  ip link set lo up
  : >/etc/resolv.conf
  for address in $context_DNS; do echo "nameserver $address" >>/etc/resolv.conf; done
  nic=0
  while [ $nic -lt $MAX_NICS ]; do
    for name in $NIC_NAMES; do eval "nic_$name=\$context_ETH${nic}_$name"; done
    if find_interface; then set_up_interface; fi
    nic=$((nic + 1))
  done
}

# Sets $interface: that with the NIC's MAC, or else the one of its number.
find_interface() {
  interface=eth$nic
  if [ -n "$nic_MAC" ]; then
    for file in /sys/class/net/*/address; do
      read -r address <"$file"
      [ "$address" != "$nic_MAC" ] || { interface=${file%/address} interface=${interface##*/}; }
    done
  fi
  [ -e "/sys/class/net/$interface" ]
}

set_up_interface() {
  [ "$nic_METHOD" != skip ] || return 0
  [ -z "$nic_MTU" ] || ip link set "$interface" mtu "$nic_MTU"
  if [ -z "$nic_IP" ] || [ "$nic_METHOD" = dhcp ]; then
    ip link set "$interface" up
    udhcpc -i "$interface" -s /lib/guest/dhcp.sh -q -n -t 10 -T 1 >/dev/null 2>&1 ||
      say "$interface gets no address by DHCP"
    return 0
  fi
  ifconfig "$interface" "$nic_IP" netmask "${nic_MASK:-255.255.255.0}" up || say "$interface cannot be set up"
  if [ -n "$nic_GATEWAY" ]; then
    set -- default via "$nic_GATEWAY" dev "$interface" metric "${nic_METRIC:-$nic}"
    # It may be in none of the interface's networks.
    ip route add "$@" 2>/dev/null || { ip route add "$nic_GATEWAY" dev "$interface" && ip route add "$@"; } ||
      say "$nic_GATEWAY cannot be the gateway of $interface"
  fi
  for address in $nic_DNS; do echo "nameserver $address" >>/etc/resolv.conf; done
  if [ -n "$nic_IP6" ]; then
    ip -6 addr add "$nic_IP6/${nic_IP6_PREFIX_LENGTH:-64}" dev "$interface"
    [ -z "$nic_IP6_GATEWAY" ] || ip -6 route add default via "$nic_IP6_GATEWAY" dev "$interface"
  fi
}
