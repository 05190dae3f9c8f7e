/** Ending a child that leads a process group of its own, together with all it started in it. */

/** `pid`: of a child, undefined where it never came to be. A group that has ended already is no fault. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The group has ended already.
  }
}
