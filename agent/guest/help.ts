/** The help text of `onegate`. */

export const HELP = `## COMMANDS

onegate vm show [VMID] [-j|--json]
onegate vm update [VMID] -d|--data KEY=VALUE[\\nKEY2=VALUE2]
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
onegate agent [--interval SECONDS] [--directory DIR] [--once]
    pushes memory, swap, disk, load and CPU use, and what the
    executables in DIR print as KEY=VALUE

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
`;
