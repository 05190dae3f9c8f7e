/** What starts agents: the watcher asks it, and knows no more of how it is done. */

import type { Host } from "../cloud/model.ts";

/** How agents are started. */
export type StarterName = "local" | "ssh" | "im_mad";

export interface AgentStarter {
  readonly name: StarterName;
  /**
   * Starts the agent of a host, in place of one that runs; resolves when it is under way.
   * @throws Error whose sentence tells people why it could not be started.
   */
  start(host: Host): Promise<void>;
  /** Ends it, where that is in our hands; resolves when it has ended. Never rejects. */
  stop(host: Host): Promise<void>;
  /** Ends all of them that live with the house. Never rejects. */
  close(): Promise<void>;
}

/** Who starts a host's agent; undefined: nobody does. Cheap, since every host is asked about at every look. */
export type StarterChoice = (host: Host) => AgentStarter | undefined;
