/** How a command ends that has told its failures one by one. */

/** Some of several objects failed, and each has been told already; only the exit code is left. */
export class AlreadyTold extends Error {}
