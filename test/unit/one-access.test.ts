import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type AccessOptions, endpointFor, sessionFor } from "../../gateway/cli/one/access.ts";

import { useAccessScratch } from "../support/access-scratch.ts";

const scratch = useAccessScratch();
const endpoint = (env?: Readonly<Record<string, string>>, options: AccessOptions = {}) =>
  endpointFor(scratch.context(env), options);
const session = (env?: Readonly<Record<string, string>>, options: AccessOptions = {}) =>
  sessionFor(scratch.context(env), options);

describe("the endpoint", () => {
  it("is OpenNebula's default when nothing names another", () => {
    expect(endpoint()).toBe("http://localhost:2633/RPC2");
  });

  it("is what stands nearest: option, ONE_XMLRPC, the house, ~/.one/one_endpoint", () => {
    scratch.plant("me/.one/one_endpoint", "http://mine:2633/RPC2\n");
    expect(endpoint()).toBe("http://mine:2633/RPC2");
    scratch.plant("var/run.json", JSON.stringify({ pid: 1, rpc: "http://127.0.0.1:7777/RPC2", admin: "x" }));
    expect(endpoint()).toBe("http://127.0.0.1:7777/RPC2");
    scratch.plant("elsewhere/run.json", JSON.stringify({ rpc: "http://127.0.0.1:8888" }));
    expect(endpoint({ GATEHOUSE_HOME: "elsewhere" })).toBe("http://127.0.0.1:8888/RPC2");
    expect(endpoint({ ONE_XMLRPC: "http://one:1/RPC2" })).toBe("http://one:1/RPC2");
    expect(endpoint({ ONE_XMLRPC: "http://one:1/RPC2" }, { endpoint: "https://two/RPC2" })).toBe(
      "https://two/RPC2",
    );
  });

  it("is not found in a house without XML-RPC, nor in a broken file", () => {
    scratch.plant("var/run.json", JSON.stringify({ pid: 1, admin: "http://127.0.0.1:1" }));
    expect(endpoint()).toBe("http://localhost:2633/RPC2");
    scratch.plant("var/run.json", "{");
    expect(endpoint()).toBe("http://localhost:2633/RPC2");
  });

  it.each(["localhost:2633", "file:///etc/passwd", "nothing"])("is never %s", (url) => {
    expect(() => endpoint({ ONE_XMLRPC: url })).toThrow(`ONE_XMLRPC is "${url}", which is no URL`);
    expect(() => endpoint({}, { endpoint: url })).toThrow(`--endpoint is "${url}"`);
  });
});

describe("the session", () => {
  it("is that of ONE_AUTH, of ~/.one/one_auth, or of the house, in that order", () => {
    const house = scratch.plant("var/one_auth", "oneadmin:house\n");
    expect(session()).toEqual({ text: "oneadmin:house", origin: `${house} (found without ONE_AUTH)` });
    const mine = scratch.plant("me/.one/one_auth", "me:mine\n");
    expect(session()).toEqual({ text: "me:mine", origin: `${mine} (found without ONE_AUTH)` });
    const named = scratch.plant("named", "alice:token:with:colons");
    expect(session({ ONE_AUTH: "named" })).toEqual({
      text: "alice:token:with:colons",
      origin: `${named} (ONE_AUTH)`,
    });
    expect(session({}, { user: "bob", password: "pw" }).text).toBe("bob:pw");
  });

  it("tells which files were looked for", () => {
    expect(() => session()).toThrow(
      `there is no file ${join(scratch.path, "me/.one/one_auth")} and no ${join(scratch.path, "var/one_auth")}; set ONE_AUTH`,
    );
  });

  it("is not looked for elsewhere when ONE_AUTH names a file", () => {
    scratch.plant("me/.one/one_auth", "me:mine\n");
    expect(() => session({ ONE_AUTH: "missing" })).toThrow(
      new RegExp(`The credentials ${scratch.path}/missing \\(ONE_AUTH\\) cannot be read: ENOENT`),
    );
  });

  it.each(["", "alice\n", ":pw", "alice:\n", "alice:pw\nbob:pw\n", "al ice:pw"])(
    "is one line, user:password, and not %j, which the message does not repeat",
    (text) => {
      const file = scratch.plant("named", text);
      expect(() => session({ ONE_AUTH: "named" })).toThrow(
        `${file} (ONE_AUTH) must hold one line, user:password.`,
      );
    },
  );

  it("needs both options, or neither", () => {
    expect(() => session({}, { user: "bob" })).toThrow("--user and --password are only of use together.");
  });
});
