/** Where the admin socket of a home is. */

import { join, relative } from "node:path";
import { GatehouseError } from "../../shared/errors.ts";

/** sockaddr_un holds 108 bytes on Linux and 104 on others, the last of them zero. */
const MAX_SOCKET_PATH_BYTES = 103;

/**
 * `admin.sock` in the home, from the working directory when the whole path is too long for a socket.
 * @throws GatehouseError `bad_request` when it is too long either way.
 */
export function adminSocketPath(home: string): string {
  const path = join(home, "admin.sock");
  const fitting = [path, relative(process.cwd(), path)].find(
    (candidate) => Buffer.byteLength(candidate) <= MAX_SOCKET_PATH_BYTES,
  );
  if (fitting !== undefined) return fitting;
  throw new GatehouseError(
    "bad_request",
    `The path of the home ${home} is too long for its admin socket: ${path} may have ${MAX_SOCKET_PATH_BYTES} bytes.`,
  );
}
