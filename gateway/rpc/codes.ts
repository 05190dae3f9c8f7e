/** The error codes of OpenNebula's core (spec core-xmlrpc.md 1), and which of them each error of the house becomes. */

import { type ErrorCode, GatehouseError } from "../../shared/errors.ts";

export const CORE_CODE = {
  SUCCESS: 0x0000,
  AUTHENTICATION: 0x0100,
  AUTHORIZATION: 0x0200,
  NO_EXISTS: 0x0400,
  ACTION: 0x0800,
  XML_RPC_API: 0x1000,
  INTERNAL: 0x2000,
  ALLOCATE: 0x4000,
  LOCKED: 0x8000,
} as const;

/** A clash with what is there (a name taken, a network in use) is an ACTION that is not possible now. */
export const CODE_OF_ERROR = {
  bad_request: CORE_CODE.XML_RPC_API,
  unauthorized: CORE_CODE.AUTHENTICATION,
  forbidden: CORE_CODE.AUTHORIZATION,
  not_found: CORE_CODE.NO_EXISTS,
  wrong_state: CORE_CODE.ACTION,
  conflict: CORE_CODE.ACTION,
  precondition_failed: CORE_CODE.ACTION,
  locked: CORE_CODE.LOCKED,
  too_large: CORE_CODE.XML_RPC_API,
  rate_limited: CORE_CODE.INTERNAL,
  internal: CORE_CODE.INTERNAL,
  unavailable: CORE_CODE.INTERNAL,
} as const satisfies Record<ErrorCode, number>;

/** A refusal whose code the recording has otherwise than the table. */
export class CoreRefusal extends GatehouseError {
  readonly coreCode: number;

  constructor(coreCode: number, message: string) {
    super("bad_request", message);
    this.name = "CoreRefusal";
    this.coreCode = coreCode;
  }
}

/** The core's code of an error. */
export function coreCodeOf(error: GatehouseError): number {
  return error instanceof CoreRefusal ? error.coreCode : CODE_OF_ERROR[error.code];
}

/** The id that a refusal names: recorded only for what is missing ("Error getting user [999]."), else -1. */
export function resourceIdOf(error: GatehouseError): number {
  const [, id] = (error.code === "not_found" && /\[(\d{1,10})\]\.?$/.exec(error.message)) || [];
  return id === undefined ? -1 : Number(id);
}
