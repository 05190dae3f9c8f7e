/** User data for cloud-init, as one would write them: what a guest does beside its READY. */

/** A service that tells at each start what became of the context, and then that it lives. */
export const TELLS_ALL = `#cloud-config
write_files:
  - path: /usr/local/bin/tell
    permissions: "0755"
    content: |
      #!/bin/sh
      starts=$(($(cat /var/lib/starts 2>/dev/null || echo 0) + 1))
      echo "$starts" >/var/lib/starts
      onegate vm update --data "STARTS=$starts
      BOOT=$(cat /proc/sys/kernel/random/boot_id)
      HOST=$(hostname)
      ADDRESS=$(ip -brief -4 address show scope global | awk '{ print $1, $3 }')
      ROUTE=$(ip route show default)
      DNS=$(resolvectl dns | awk '/^Link/ { print $NF }')
      KEYS=$(cat /home/debian/.ssh/authorized_keys)
      ROOT_MIB=$(df -m --output=size / | awk 'END { print $1 }')"
      while sleep 3; do
        beat=$((\${beat:-0} + 1))
        onegate vm update --data "BEAT=$beat"
      done
  - path: /etc/systemd/system/tell.service
    content: |
      [Unit]
      Wants=network-online.target
      After=network-online.target onegate-context.service
      [Service]
      ExecStart=/usr/local/bin/tell
      [Install]
      WantedBy=multi-user.target
runcmd:
  - systemctl enable --now tell
`;

/** What an image with cloud-init, and without \`onegate\`, needs to say READY. */
export const ONEGATE_BY_CURL = `#cloud-config
runcmd:
  - |
    mkdir -p /run/context && mount -r LABEL=CONTEXT /run/context
    . /run/context/context.sh
    curl -sf -X PUT -d READY=YES "$ONEGATE_ENDPOINT/vm" \\
      -H "X-ONEGATE-TOKEN: $(cat /run/context/token.txt)" -H "X-ONEGATE-VMID: $VMID"
`;
