/** What a service remembers over a restart beside its document's recorded form; empty while it rests. */

import { z } from "zod";

const schema = z.object({});

export type Progress = z.infer<typeof schema>;

export const NO_PROGRESS: Progress = {};
