/** A role's policies with what was noted of them in memory, over what the document has. */

import { isDeepStrictEqual } from "node:util";
import type { ElasticRole } from "../elasticity/policy.ts";

export type PolicyLists = Pick<ElasticRole, "elasticity_policies" | "scheduled_policies">;

export class NotedPolicies {
  #stored: PolicyLists = {};
  #present: PolicyLists = {};

  /** The document has these now. A policy that is the same in it as before keeps what was noted since. */
  read(lists: PolicyLists): void {
    const present = this.over(lists);
    this.#stored = listsOf(lists);
    this.#present = present;
  }

  /** After an evaluation. */
  note(noted: PolicyLists): void {
    this.#present = { ...this.#present, ...noted };
  }

  get present(): PolicyLists {
    return this.#present;
  }

  /** Lists of a document, perhaps a newer one than was read, with what is in memory alone. */
  over({ elasticity_policies, scheduled_policies }: PolicyLists): PolicyLists {
    const { elasticity_policies: elastic, scheduled_policies: scheduled } = this.#stored;
    return listsOf({
      ...(elasticity_policies && {
        elasticity_policies: newest(elasticity_policies, elastic, this.#present.elasticity_policies),
      }),
      ...(scheduled_policies && {
        scheduled_policies: newest(scheduled_policies, scheduled, this.#present.scheduled_policies),
      }),
    });
  }
}

function listsOf({ elasticity_policies, scheduled_policies }: PolicyLists): PolicyLists {
  return {
    ...(elasticity_policies && { elasticity_policies }),
    ...(scheduled_policies && { scheduled_policies }),
  };
}

function newest<P>(
  read: readonly P[],
  stored: readonly P[] | undefined,
  present: readonly P[] | undefined,
): readonly P[] {
  return read.map((policy, index) => {
    const noted = present?.[index];
    return noted !== undefined && isDeepStrictEqual(policy, stored?.[index]) ? noted : policy;
  });
}
