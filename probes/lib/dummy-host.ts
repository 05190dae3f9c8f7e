/** The machine that upstream's dummy probes pretend (golden dummy-SYSTEM_HOST): sizes that several probes share. */

export const DUMMY_TOTAL_KIB = 16_777_216;
export const DUMMY_TOTAL_PERCENT = 800;
export const DUMMY_NODES = [0, 1] as const;
export const DUMMY_NODE_KIB = DUMMY_TOTAL_KIB / DUMMY_NODES.length;
export const DUMMY_CORES_A_NODE = 8;
/** Each core has this many threads, numbered 16 apart. */
export const DUMMY_THREADS = 4;
export const DUMMY_PAGE_SIZES_KIB = [2048, 1_048_576] as const;
export const DUMMY_PAGES = 1024;
