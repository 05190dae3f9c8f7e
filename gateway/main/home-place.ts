/**
 * Whether a home still stands where it was opened. Files that are removed under a house can be written all the same, so
 * nothing fails then; it is only that nothing of it will be found again.
 */

import { statSync } from "node:fs";

/**
 * Remembers which file stands there; the returned function tells whether it still does. The file is not opened: closing
 * it again would drop the locks that SQLite holds on it (POSIX, fcntl).
 */
export function rememberPlace(file: string): () => boolean {
  const remembered = identityOf(file);
  return () => remembered !== undefined && identityOf(file) === remembered;
}

/** What tells one file from every other while both exist. */
function identityOf(file: string): string | undefined {
  try {
    const { dev, ino } = statSync(file, { bigint: true });
    return `${dev} ${ino}`;
  } catch {
    return undefined;
  }
}
