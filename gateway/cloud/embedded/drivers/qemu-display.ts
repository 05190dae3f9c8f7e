/** What of a screen, pointers and a guest agent's port a template asks for, and how QEMU gives them: on sockets of the guest's folder. */

import { open, rm } from "node:fs/promises";
import type { QemuGuestPaths } from "../../../../shared/guests/qemu-layout.ts";
import { type Template, type Vector, vectorOf, vectorsOf } from "../../../../shared/template/types.ts";
import { oneOf, refused, shown, yesOrNo } from "./qemu-values.ts";

const VIDEO_TYPES = ["vga", "cirrus", "virtio", "none"] as const;
type VideoType = (typeof VIDEO_TYPES)[number];
/** As Sunstone says that it asks for none in particular. */
const ANY_VIDEO = "auto";

export interface DisplayPlan {
  /** VNC, on a socket in the guest's directory. */
  readonly vnc: boolean;
  /** For who enters it; undefined: nobody is asked. */
  readonly password: string | undefined;
  readonly keymap: string | undefined;
  readonly video: VideoType;
  /** Pointers beside the PS/2 mouse that is always there. */
  readonly pointers: readonly ("tablet" | "mouse")[];
  /** The port that qemu-guest-agent looks for. */
  readonly hasAgentPort: boolean;
}

const CARDS: Readonly<Record<VideoType, readonly string[]>> = {
  vga: ["-device", "VGA"],
  cirrus: ["-device", "cirrus-vga"],
  virtio: ["-device", "virtio-vga"],
  none: [],
};
/** VNC has no longer ones: what is longer would be cut, here as in OpenNebula. */
const MAX_PASSWORD_BYTES = 8;
const KEYMAP = /^[a-z]{2}(-[a-z]{2})?$/;
const MAX_INPUTS = 4;

/** @throws GatehouseError `bad_request` with the attribute and what it may be. */
export function displayOf(template: Template): DisplayPlan {
  const graphics = vectorOf(template, "GRAPHICS") ?? {};
  const vnc = oneOf(graphics, { path: "GRAPHICS/TYPE", known: ["vnc"] }) === "vnc";
  const keymap = graphics.KEYMAP || undefined;
  if (keymap !== undefined && !KEYMAP.test(keymap))
    throw refused(`GRAPHICS/KEYMAP is a language as de or en-us, not ${shown(keymap)}`);
  const password = graphics.PASSWD || undefined;
  if (password === undefined && yesOrNo("GRAPHICS/RANDOM_PASSWD", graphics.RANDOM_PASSWD))
    throw refused("GRAPHICS/RANDOM_PASSWD is not made here: give a PASSWD");
  return {
    vnc,
    password,
    keymap,
    video: videoOf(vectorOf(template, "VIDEO") ?? {}) ?? (vnc ? "vga" : "none"),
    pointers: pointersOf(template),
    hasAgentPort: yesOrNo("FEATURES/GUEST_AGENT", vectorOf(template, "FEATURES")?.GUEST_AGENT) ?? false,
  };
}

function videoOf(video: Vector): VideoType | undefined {
  const type = oneOf(video, { path: "VIDEO/TYPE", known: [...VIDEO_TYPES, ANY_VIDEO] });
  return type === ANY_VIDEO ? undefined : type;
}

function pointersOf(template: Template): readonly ("tablet" | "mouse")[] {
  const inputs = vectorsOf(template, "INPUT");
  if (inputs.length > MAX_INPUTS) throw refused(`A VM has at most ${MAX_INPUTS} INPUTs here`);
  return inputs.flatMap((input) => {
    const type = oneOf(input, { path: "INPUT/TYPE", known: ["tablet", "mouse"] });
    const bus = oneOf(input, { path: "INPUT/BUS", known: ["usb", "ps2"] }) ?? "usb";
    if (type === undefined) return [];
    if (bus === "usb") return [type];
    if (type === "tablet") throw refused("INPUT/BUS of a tablet is usb");
    return [];
  });
}

/** The password is in a file, which only the guest's user reads: arguments are everybody's. */
export function displayArguments(plan: DisplayPlan, paths: QemuGuestPaths): readonly string[] {
  const { vnc, password, keymap, video, pointers, hasAgentPort } = plan;
  const secret = { "qom-type": "secret", id: "vnc-password", file: paths.displayPassword };
  const words = [
    `unix:${escaped(paths.display)}`,
    ...(password === undefined ? [] : ["password-secret=vnc-password"]),
  ];
  return [
    ...(vnc && password !== undefined ? ["-object", JSON.stringify(secret)] : []),
    ...(vnc ? ["-vnc", words.join(",")] : ["-display", "none"]),
    ...(keymap === undefined ? [] : ["-k", keymap]),
    ...CARDS[video],
    ...(pointers.length > 0 ? ["-device", "qemu-xhci,id=usb"] : []),
    ...pointers.flatMap((type) => ["-device", `usb-${type},bus=usb.0`]),
    ...(hasAgentPort ? agentPort(paths) : []),
  ];
}

function agentPort({ agent }: QemuGuestPaths): readonly string[] {
  return [
    ...["-chardev", `socket,id=agent,path=${escaped(agent)},server=on,wait=off`],
    ...["-device", "virtio-serial-pci"],
    ...["-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"],
  ];
}

/** In QEMU's own syntax a comma begins the next option, and two of them are one. */
function escaped(value: string): string {
  return value.replaceAll(",", ",,");
}

/** Anew at each boot; nothing is left where there is none. */
export async function writePassword(
  { vnc, password }: DisplayPlan,
  { displayPassword: path }: QemuGuestPaths,
  uid: number | undefined,
): Promise<void> {
  await rm(path, { force: true });
  if (!vnc || password === undefined) return;
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(Buffer.from(password).subarray(0, MAX_PASSWORD_BYTES));
    if (uid !== undefined) await file.chown(uid, uid);
  } finally {
    await file.close();
  }
}
