/** What a VM's token may do. A route names the scope it takes; the frame asks the guest's grants for it. */

/** Of itself, of its service and its peers, of its router; the actions are named one by one. */
export const SCOPES = [
  "self:read",
  "self:write",
  "service:read",
  "peers:write",
  "service:scale",
  "router:read",
  "identity",
] as const;

export type Scope = (typeof SCOPES)[number];

/** What is granted. */
export interface Grants {
  allows(scope: Scope): boolean;
  /** By an action's one name (`Prepared.canonicalName`): `terminate-hard`. */
  allowsAction(canonicalName: string): boolean;
  /** For a refusal's sentence, and for session tokens: `self:read service:read action:resume`. */
  readonly text: string;
}

/** As the original has it. */
export const EVERYTHING: Grants = {
  allows: () => true,
  allowsAction: () => true,
  text: `${SCOPES.join(" ")} action:*`,
};
