/**
 * The address from which a guest's wire comes to OneGate: of 127.64.0.0/10, one a VM (those whose ids are 4,194,304 apart share
 * one). So OneGate, which counts by address what strangers and connections may do, counts by guest; and knows whose
 * guest it is, since a wire is a VM's alone. All of 127.0.0.0/8 is this machine's, without any setting.
 */

import { formatIp4 } from "./address-text.ts";

const FIRST = 0x7f400000;
const ADDRESSES = 2 ** 22;

export function wireAddressOf(vmId: number): string {
  return formatIp4(FIRST + (vmId % ADDRESSES));
}
