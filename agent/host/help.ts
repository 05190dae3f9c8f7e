/** The help text of `gatehouse-agent`. */

export const HELP = `Usage: gatehouse-agent COMMAND

Tells a Gatehouse (or OpenNebula) monitoring daemon of this host and the VMs on it.

  run [--config FILE]        runs as a service, with the key that enroll made
                             (FILE: /etc/gatehouse/agent.yaml, which may be missing)
  enroll --daemon HOST[:PORT] --code CODE [--state-dir DIR]
                             makes a key and the daemon know it; CODE is what
                             "gatehouse host enroll HOST" prints, and counts once
  stop [HYPERVISOR HOST_ID]  ends the agent that runs here
  probe HYPERVISOR [PATH]    runs probes once and prints what would be sent;
                             PATH: host, vm, host/system, vm/status, ...
  house                      as the house starts it: settings as one JSON line on
                             standard input; ends when standard input closes
  HYPERVISOR HOST_ID HOST_NAME
                             as OpenNebula's driver starts it: configuration (XML)
                             on standard input, first messages on standard output,
                             then it goes on in the background

  --probes DIR     also runs the programs in DIR/HYPERVISOR-probes.d/{host,vm}/...
  --state-dir DIR  where the agent keeps what it must (/var/lib/gatehouse-agent)
  --run-dir DIR    guests of the process driver, for probe
  --json           probe: one JSON message a line
  --help, --version

SIGUSR1 makes it tell of the host at once (SYSTEM_HOST).

Examples:
  gatehouse-agent probe kvm host/system
  gatehouse-agent probe process vm --run-dir ~/.gatehouse/vms --json
  gatehouse-agent enroll --daemon monitor.example.org --code 7-abc...-0123456789abcdef
  gatehouse-agent run

Exit codes: 0 done, or another agent runs already; 1 it failed, or a probe did;
2 the command line or the configuration is wrong.
`;
