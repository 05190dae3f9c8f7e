/** Where XML-RPC answers otherwise than the recording, one by one; docs/compatibility.md names each of them. */

export interface RpcDeparture {
  /** Name of the exchange. */
  readonly exchange: string;
  readonly why: string;
  /** Code of the refusal. */
  readonly code: number;
  readonly message: RegExp;
}

export const RPC_DEPARTURES: readonly RpcDeparture[] = [
  {
    exchange: "vm-update-syntax-error",
    why: "the place of the fault is told, where the original has a line number of random memory; the code is kept",
    code: 2048,
    message: /^\[one\.vm\.update\] Parse error: Line 1, column \d+: found /,
  },
];
