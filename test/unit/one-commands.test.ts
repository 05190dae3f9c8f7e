import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { parseSelection } from "../../gateway/cli/one/ids.ts";
import { runLine } from "../support/admin-command.ts";
import { useAdminDesk } from "../support/admin-desk.ts";
import { failure, startScriptedCore, success } from "../support/scripted-core.ts";

const desk = useAdminDesk();

beforeEach(() => writeFileSync(join(desk.credentials.directory, "t.txt"), 'A="1"\n'));

const OK = { code: 0, err: "" };

describe("what a command line asks of the core", () => {
  it.each<[string, readonly string[]]>([
    ["onevm suspend 5", ["one.vm.action", "suspend", "5"]],
    ["onevm terminate 5 --hard", ["one.vm.action", "terminate-hard", "5"]],
    ["onevm poweroff 5", ["one.vm.action", "poweroff", "5"]],
    ["onevm deploy 5 1 -e", ["one.vm.deploy", "5", "1", "1", "-1", ""]],
    ["onevm migrate 5 2 --live", ["one.vm.migrate", "5", "2", "1", "0", "-1", "0"]],
    ["onevm migrate 5 2 --poweroff-hard", ["one.vm.migrate", "5", "2", "0", "0", "-1", "2"]],
    ["onevm recover 5 --success", ["one.vm.recover", "5", "1"]],
    ["onevm recover 5 --delete-db", ["one.vm.recover", "5", "5"]],
    ["onevm nic-attach 5 -n private", ["one.vm.attachnic", "5", 'NIC=[\n  NETWORK="private" ]\n']],
    [
      "onevm nic-attach 5 --network 0 --ip 10.0.0.9",
      ["one.vm.attachnic", "5", 'NIC=[\n  NETWORK_ID="0",\n  IP="10.0.0.9" ]\n'],
    ],
    ["onevm nic-detach 5 1", ["one.vm.detachnic", "5", "1"]],
    ["onevm snapshot-create 5 before", ["one.vm.snapshotcreate", "5", "before"]],
    ["onevm snapshot-revert 5 0", ["one.vm.snapshotrevert", "5", "0"]],
    ["onevm snapshot-delete 5 0", ["one.vm.snapshotdelete", "5", "0"]],
    ["onevm resize 5 --memory 2G", ["one.vm.resize", "5", 'MEMORY="2048"\n', "0"]],
    ["onevm rename 5 web", ["one.vm.rename", "5", "web"]],
    ["onevm chmod 5 640", ["one.vm.chmod", "5", "1", "1", "0", "1", "0", "0", "0", "0", "0"]],
    ["onevm chown 5 3", ["one.vm.chown", "5", "3", "-1"]],
    ["onevm chown 5 3 1", ["one.vm.chown", "5", "3", "1"]],
    ["onevm chgrp 5 1", ["one.vm.chown", "5", "-1", "1"]],
    ["onevm update 5 t.txt", ["one.vm.update", "5", 'A="1"\n', "0"]],
    ["onevm update 5 --append t.txt", ["one.vm.update", "5", 'A="1"\n', "1"]],
    ["onetemplate delete 3", ["one.template.delete", "3", "0"]],
    ["onetemplate chmod 3 777", ["one.template.chmod", "3", ..."111111111"]],
    ["onehost enable 0", ["one.host.status", "0", "0"]],
    ["onehost disable 0", ["one.host.status", "0", "1"]],
    ["onehost offline 0", ["one.host.status", "0", "2"]],
    ["onehost delete 0", ["one.host.delete", "0"]],
    ["onevnet hold 0 10.0.0.20", ["one.vn.hold", "0", 'LEASES=[\n  IP="10.0.0.20" ]\n']],
    [
      "onevnet release 0 02:00:0a:00:00:14 -a 1",
      ["one.vn.release", "0", 'LEASES=[\n  MAC="02:00:0a:00:00:14",\n  AR_ID="1" ]\n'],
    ],
    [
      "onevnet addar 0 --ip 10.0.1.1 --size 9",
      ["one.vn.add_ar", "0", 'AR=[\n  TYPE="IP4",\n  SIZE="9",\n  IP="10.0.1.1" ]\n'],
    ],
    ["onevnet rmar 0 1", ["one.vn.rm_ar", "0", "1"]],
    ["onevntemplate delete 0", ["one.vntemplate.delete", "0"]],
    [
      "onevm suspend 5 --schedule +3600",
      ["one.vm.schedadd", "5", 'SCHED_ACTION=[\n  ACTION="suspend",\n  TIME="+3600" ]\n'],
    ],
    [
      "onevm poweroff 5 --hard --schedule 2026-09-20T14:15",
      [
        "one.vm.schedadd",
        "5",
        `SCHED_ACTION=[\n  ACTION="poweroff-hard",\n  TIME="${new Date(2026, 8, 20, 14, 15).getTime() / 1_000}" ]\n`,
      ],
    ],
    ["onevm sched-update 5 3 t.txt", ["one.vm.schedupdate", "5", "3", 'SCHED_ACTION=[\n  A="1" ]\n']],
    ["onevm sched-delete 5 3", ["one.vm.scheddelete", "5", "3"]],
    ["oneuser passwd 2 secret", ["one.user.passwd", "2", "secret"]],
    ["oneuser chgrp 2 1", ["one.user.chgrp", "2", "1"]],
    ["oneuser addgroup 2 0", ["one.user.addgroup", "2", "0"]],
    ["oneuser delgroup 2 0", ["one.user.delgroup", "2", "0"]],
    ["oneuser token-delete alice abc", ["one.user.login", "alice", "abc", "0", "-1"]],
    ["onegroup delete 100", ["one.group.delete", "100"]],
    ["onevrouter nic-attach 0 -n private", ["one.vrouter.attachnic", "0", 'NIC=[\n  NETWORK="private" ]\n']],
    ["onevrouter nic-detach 0 1", ["one.vrouter.detachnic", "0", "1"]],
    ["onevrouter chown 0 3", ["one.vrouter.chown", "0", "3", "-1"]],
  ])("%s, and it is silent", async (line, expected) => {
    const { calls, ...result } = await desk.callsOf(line.split(" "));
    expect(calls).toEqual([expected]);
    expect(result).toEqual({ ...OK, out: "" });
  });

  it.each<[string, readonly string[]]>([
    ["onevm create t.txt", ["one.vm.allocate", 'A="1"\n', "0"]],
    ["onevm create --name web --cpu 0.5", ["one.vm.allocate", 'NAME="web"\n\nCPU="0.5"\n', "0"]],
    ["onevm create t.txt --hold", ["one.vm.allocate", 'A="1"\n', "1"]],
    ["onetemplate create t.txt", ["one.template.allocate", 'A="1"\n']],
    [
      "onetemplate create --name web --memory 512M --nic private,1:ip=10.0.0.9",
      [
        "one.template.allocate",
        'NAME="web"\nMEMORY="512"\nNIC=[\n  NETWORK="private" ]\nNIC=[\n  NETWORK_ID="1",\n  IP="10.0.0.9" ]\n',
      ],
    ],
    ["onetemplate instantiate 0", ["one.template.instantiate", "0", "", "0", "", "0"]],
    [
      "onetemplate instantiate 0 t.txt --name web --hold --context A=1,B=x=y",
      ["one.template.instantiate", "0", "web", "1", 'A="1"\n\nCONTEXT=[\n  A="1",\n  B="x=y" ]\n', "0"],
    ],
    ["onetemplate clone 0 copy", ["one.template.clone", "0", "copy", "0"]],
    ["onehost create h1 -i kvm -v kvm", ["one.host.allocate", "h1", "kvm", "kvm", "-1"]],
    ["onehost create h1 --im kvm --vm kvm -c 3", ["one.host.allocate", "h1", "kvm", "kvm", "3"]],
    ["onevnet create t.txt", ["one.vn.allocate", 'A="1"\n', "-1"]],
    ["onevntemplate create t.txt", ["one.vntemplate.allocate", 'A="1"\n']],
    ["onevntemplate instantiate 0 t.txt --name n", ["one.vntemplate.instantiate", "0", "n", 'A="1"\n']],
    ["onevntemplate clone 0 copy", ["one.vntemplate.clone", "0", "copy"]],
    ["oneuser create carol secret", ["one.user.allocate", "carol", "secret", "core"]],
    ["onegroup create web", ["one.group.allocate", "web"]],
    ["onevrouter create t.txt", ["one.vrouter.allocate", 'A="1"\n']],
    [
      "onevrouter instantiate 0 2 -m 2 --name r-%i",
      ["one.vrouter.instantiate", "0", "2", "2", "r-%i", "0", ""],
    ],
  ])("%s, and it prints the id", async (line, expected) => {
    const { calls, ...result } = await desk.callsOf(line.split(" "));
    expect(calls).toEqual([expected]);
    expect(result).toEqual({ ...OK, out: "ID: 5\n" });
  });

  it.each(["noon", "2026-02-30", "2026-09-20 25:00", "+"])("knows no time %s", async (time) => {
    const { calls, code, err } = await desk.callsOf(["onevm", "suspend", "5", "--schedule", time]);
    expect([calls, code]).toEqual([[], 255]);
    expect(err).toContain(`"${time}" is no time`);
  });

  it("creates several, each with its number", async () => {
    const { calls, out } = await desk.callsOf("onetemplate instantiate 0 --name web-%i -m 3".split(" "));
    expect(calls.map((call) => call[2])).toEqual(["web-0", "web-1", "web-2"]);
    expect(out).toBe("ID: 5\nID: 5\nID: 5\n");
  });

  it("reads a template from standard input where there is no file, or -", async () => {
    expect((await desk.callsOf(["onevnet", "create"], 'NAME="n"')).calls).toEqual([
      ["one.vn.allocate", 'NAME="n"', "-1"],
    ]);
    expect((await desk.callsOf(["onevm", "create", "-"], 'NAME="n"')).calls).toEqual([
      ["one.vm.allocate", 'NAME="n"', "0"],
    ]);
  });

  it("takes a password from standard input, or a file, without the end of its line", async () => {
    expect((await desk.callsOf(["oneuser", "passwd", "2"], "from-input\n")).calls).toEqual([
      ["one.user.passwd", "2", "from-input"],
    ]);
    writeFileSync(join(desk.credentials.directory, "pw"), "from-file\n");
    expect(
      (await desk.callsOf(["oneuser", "create", "carol", "-r", "pw", "--group", "users,0"])).calls,
    ).toEqual([["one.grouppool.info"], ["one.user.allocate", "carol", "from-file", "core", ["1", "0"]]]);
  });

  it("reserves addresses, and names the network", async () => {
    const { calls, out } = await desk.callsOf("onevnet reserve private --name lab -s 10 -a 0".split(" "));
    expect(calls.at(-1)).toEqual(["one.vn.reserve", "0", 'NAME="lab"\nSIZE="10"\nAR_ID="0"\n']);
    expect(out).toBe("Reservation VNET ID: 5\n");
  });

  it.each([
    ["", "-2"],
    ["a", "-2"],
    ["m", "-3"],
    ["g", "-4"],
    ["G", "-1"],
    ["alice", "2"],
  ])("lists with the filter %j as %s", async (filter, flag) => {
    const { calls } = await desk.callsOf(["onevm", "list", ...(filter === "" ? [] : [filter])]);
    expect(calls.at(-1)).toEqual(["one.vmpool.info", flag, "-1", "-1", "-1", ""]);
  });
});

describe("which objects", () => {
  it("are ids, ranges and names, in the order given", async () => {
    const { calls } = await desk.callsOf(["onevm", "hold", "8..10,standalone,3"]);
    expect(calls.slice(1).map((call) => call[2])).toEqual(["8", "9", "10", "0", "3"]);
  });

  it("are refused when a name is unknown, or that of several", async () => {
    expect(await desk.callsOf(["onevm", "hold", "nobody"])).toMatchObject({
      code: 255,
      err: "onevm: VM named nobody not found.\n",
    });
    const { code, err, calls } = await desk.callsOf(["onevm", "hold", "newname2"]);
    expect({ code, err }).toEqual({
      code: 255,
      err: "onevm: There are multiple VMs with name newname2: use an id of 55, 44.\n",
    });
    expect(calls).toHaveLength(1);
  });

  it.each([
    ["3..1", /runs backwards/],
    ["0..99999999", /10000 objects at most/],
    [Array.from({ length: 5 }, () => "0..2999").join(","), /10000 objects at most/],
    [",", /names no object/],
  ])("are never %j", (text, message) => {
    expect(() => parseSelection(text)).toThrow(message);
  });
});

describe("what goes wrong", () => {
  it("is told in the core's own words, and ends with 255", async () => {
    const words = "User [2] : Not authorized to perform MANAGE VM [7].";
    const refusing = await startScriptedCore({ "one.vm.rename": failure("one.vm.rename", words, 512) });
    expect(await runLine(refusing, desk.credentials, ["onevm", "rename", "7", "x"])).toEqual({
      code: 255,
      out: "",
      err: `[one.vm.rename] ${words}\n`,
    });
    await refusing.close();
  });

  it("does not keep the others from their turn", async () => {
    const picky = await startScriptedCore({
      "one.vm.action": ({ values }) =>
        values[2] === "2" ? failure("one.vm.action", "Wrong state.", 2048) : success(Number(values[2])),
    });
    const result = await runLine(picky, desk.credentials, ["onevm", "stop", "1..3", "-v"]);
    expect(result).toEqual({
      code: 255,
      out: "VM 1: stop\nVM 3: stop\n",
      err: "[one.vm.action] Wrong state.\n",
    });
    await picky.close();
  });

  it("is a wrong password: told once, with the file it came from, and nothing more is tried", async () => {
    writeFileSync(desk.credentials.file, "alice:wrong\n");
    const { code, err, calls } = await desk.callsOf(["onevm", "stop", "1..3"]);
    expect({ code, err }).toEqual({
      code: 255,
      err:
        "[one.vm.action] User couldn't be authenticated, aborting call.\n" +
        `The user and password are those of ${desk.credentials.file} (ONE_AUTH).\n`,
    });
    expect(calls).toHaveLength(1);
  });

  it("is a call that this core does not know", async () => {
    const { code, err } = await desk.callsOf(["onevrouter", "rename", "0", "x"]);
    expect(code).toBe(255);
    expect(err).toMatch(
      /^onevrouter: http:\S+ cannot do one\.vrouter\.rename: Method 'one\.nosuch\.method' not defined\.\n$/,
    );
  });

  it.each<[string, RegExp]>([
    ["onevm", /Usage: onevm/],
    ["onevm lst", /unknown command 'lst'[\s\S]*Did you mean list\?/],
    ["onevm show", /missing required argument 'id'/],
    ["onevm stop 1 --hard", /unknown option '--hard'/],
    ["onevm stop 1 2", /too many arguments/],
    ["onevm chmod 1 888", /"888" are no permissions; they look like 640/],
    ["onevm recover 1", /recover needs one of --failure, --success/],
    ["onevm recover 1 --retry --delete", /recover needs one of/],
    ["onevm resize 1", /resize needs --cpu, --vcpu or --memory/],
    ["onevm nic-detach 1 eth0", /"eth0" is no NIC id/],
    ["onevm nic-attach 1 --ip 10.0.0.1", /--ip is of use with --network only/],
    ["onevm create --memory lots", /--memory is "lots"/],
    ["onevm create --name w --cpu 0", /--cpu is "0"; it is a number above 0/],
    ["onevm create nothing.txt", /nothing\.txt cannot be read: ENOENT/],
    ["onevm create", /standard input holds nothing/],
    ["onevm create t.txt -m 0", /--multiple is "0"; it is a number from 1 to 1000/],
    ["onevm create t.txt --context x", /--context: "x" is no KEY=value/],
    ["onevm list -l ID,SIZE", /Column SIZE is not defined; columns are ID, USER/],
    ["onevm list -f STAT", /"STAT" is no filter/],
    ["onevm show 0 --json --xml", /--json and --xml cannot both be given/],
    ["onehost create h1 -i kvm", /required option '-v, --vm <driver>' not specified/],
    ["onevnet reserve 0", /reserve needs --size/],
    ["oneuser passwd 2", /A password is needed/],
    ["oneuser token-create --time soon", /--time is "soon"/],
  ])("is the caller's fault: %s", async (line, message) => {
    const { code, out, err } = await desk.callsOf(line.split(" "));
    expect(err).toMatch(message);
    expect({ code, out }).toEqual({ code: 255, out: "" });
  });
});
