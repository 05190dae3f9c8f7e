/** The help texts of `onegate`: all of it, and what each command that the original does not have can do. */

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

onegate vm get PATH [--id VMID]
onegate service get PATH
    prints one value, as USER_TEMPLATE/READY, TEMPLATE/NIC/0/IP, roles/web/state
onegate watch [vm|service] [PATH] [--id VMID] [--wait S] [--exec COMMAND] [--once] [-j]
    prints it, and again whenever it changes
onegate identity --audience AUDIENCE [--lifetime S]
    prints a signed token that tells others who this VM is
onegate token [--lifetime S] [--scope SCOPE] [-j]
    prints a short-lived token for OneGate
onegate ready [--tcp PORTS] [--http URLS] [--file PATH] [--unit UNITS]
    reports READY=YES if the context says REPORT_READY=YES, once
    all checks pass and READY_SCRIPT_PATH or READY_SCRIPT succeeds
onegate doctor [-j]
    finds out why OneGate cannot be used, and what to do
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
    --retries N      tries after a failed connection, a limit or a 5xx answer: 3; also ONEGATE_RETRIES
    --timeout S      seconds that one try may take: 30; also ONEGATE_TIMEOUT
-h, --help           this text; after watch, get, identity, token, ready, doctor or agent
                     more about it

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
onegate vm get USER_TEMPLATE/READY
onegate watch service roles/web/cardinality --exec ./rebalance
`;

const GET = `onegate vm get PATH [--id VMID]
onegate service get PATH

Prints one value of what "show --json" tells, and a line break. PATH is names with "/" between
them, below the first; of a list, a position or the NAME (name) of an element. What is no single
value is printed as JSON. Exit code 1: there is no such value; 255: it failed.

    onegate vm get NAME
    onegate vm get TEMPLATE/NIC/0/IP
    onegate vm get USER_TEMPLATE/READY --id 9
    onegate service get roles/web/cardinality
`;

const WATCH = `onegate watch [vm|service] [PATH] [--id VMID] [--wait S] [--exec COMMAND] [--once] [-j]

Prints the VM, its service, or the value at PATH, and again whenever what is printed changes, until
it is ended (exit code 0). Of a PATH that leads to nothing, nothing is printed until it does.

    --exec COMMAND   run by /bin/sh for each change instead of printing: what would be printed is on
                     its standard input and, up to 30000 bytes, in ONEGATE_VALUE. Changes while it
                     runs are one more run.
    --once           ends after the first: waits until something is at PATH
    --wait S         how long one request may be held: 30, from 1 to 60
-j, --json           each state as JSON on one line

    onegate watch USER_TEMPLATE/LEADER
    DB_URL=$(onegate watch vm USER_TEMPLATE/DB_URL --id 11 --once)
    onegate watch service --json
    onegate watch service roles/web/nodes --exec 'systemctl reload haproxy'
`;

const IDENTITY = `onegate identity --audience AUDIENCE [--lifetime S]

Prints a signed JSON web token that says which VM this is, and of which service and role. AUDIENCE
is whom it is for; others refuse it. It is verified with the keys at /.well-known/jwks.json.

    curl -H "Authorization: Bearer $(onegate identity --audience https://vault.example)" ...
`;

const TOKEN = `onegate token [--lifetime S] [--scope SCOPE] [-j]

Prints a token that OneGate takes in place of this VM's own, for up to 21600 seconds.

    TOKENTXT=$(onegate token --lifetime 300 --scope self:read) ./untrusted-helper
`;

const READY = `onegate ready [--tcp PORTS] [--http URLS] [--file PATH] [--unit UNITS]

If the context says REPORT_READY=YES: tries up to RETRY_COUNT times (3), RETRY_WAIT_PERIOD seconds
apart (10), until all checks pass, then reports READY=YES. Options stand above the context's
variables READY_TCP, READY_HTTP, READY_FILE and READY_UNIT, and beside READY_SCRIPT_PATH, READY_SCRIPT.

    --tcp PORTS      each port answers: 80, or host:5432
    --http URLS      each gives a 2xx status
    --file PATH      it exists
    --unit UNITS     each systemd unit is active

With one of these checks, or REPORT_READY_FAILURE=YES, the last failure is reported as READY=NO with
READY_REASON; not with REPORT_READY_FAILURE=NO. Exit code 0: reported; 1: not ready.

    onegate ready --http http://127.0.0.1:8080/health --unit "nginx postgresql"
`;

const DOCTOR = `onegate doctor [--timeout S] [-j]

Looks at the context, the endpoint, the token, the VM id, the name, the connection, TLS, the server,
whether it takes the token, and the clock; says what is wrong, and what to do. Exit code 1: something is.

    onegate doctor
    onegate doctor --json | jq '.findings[] | select(.result == "wrong")'
`;

const AGENT = `onegate agent [--interval SECONDS] [--directory DIR] [--once]

Pushes memory, swap, disk, load and CPU use, and what the executables in DIR print as KEY=VALUE, every
SECONDS (10) until it is ended.

    onegate agent --interval 30 --directory /etc/onegate/metrics.d
    onegate agent --once
`;

const TOPICS: Readonly<Record<string, string>> = {
  watch: WATCH,
  identity: IDENTITY,
  token: TOKEN,
  ready: READY,
  doctor: DOCTOR,
  agent: AGENT,
};

/** What to print for these words with --help. */
export function helpOf([resource = "", action]: readonly string[]): string {
  if (action === "get") return GET;
  return (Object.hasOwn(TOPICS, resource) ? TOPICS[resource] : undefined) ?? HELP;
}
