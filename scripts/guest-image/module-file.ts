/** A kernel module without what loading it need not spend time on: its signature, and the types that only BPF asks for. */

/** At the very end of a module that is signed; before it a record whose last field is the signature's length. */
const SIGNED = Buffer.from("~Module signature appended~\n", "latin1");
const SIGNATURE_RECORD_BYTES = 12;

/** Of ELF's 64-bit form. */
const HEADER = { sections: 0x28, sectionBytes: 0x3a, count: 0x3c, names: 0x3e, bytes: 0x40 } as const;
const SECTION = { name: 0, offset: 24, size: 32, bytes: 64 } as const;
const TYPES = "\0.BTF\0";

/**
 * A kernel that is told of a signature checks it, which takes an emulated one 10 ms a module; without one it loads the
 * module and says, once, that it is tainted. Only kernels that insist on signatures (lockdown) refuse.
 */
export function stripped(module: Buffer): Buffer {
  const bare = Buffer.from(unsigned(module));
  if (bare.length < HEADER.bytes) return bare;
  const at = Number(bare.readBigUInt64LE(HEADER.sections));
  const section = (index: number): Buffer =>
    bare.subarray(at + index * SECTION.bytes, at + (index + 1) * SECTION.bytes);
  const names = Number(section(bare.readUInt16LE(HEADER.names)).readBigUInt64LE(SECTION.offset));
  for (let index = 0; index < bare.readUInt16LE(HEADER.count); index += 1) {
    const name = names + section(index).readUInt32LE(SECTION.name);
    // To the kernel a section without bytes is none.
    if (bare.toString("latin1", name - 1, name - 1 + TYPES.length) === TYPES)
      section(index).writeBigUInt64LE(0n, SECTION.size);
  }
  return bare;
}

function unsigned(module: Buffer): Buffer {
  const end = module.length - SIGNED.length;
  if (end < SIGNATURE_RECORD_BYTES || !module.subarray(end).equals(SIGNED)) return module;
  return module.subarray(0, end - SIGNATURE_RECORD_BYTES - module.readUInt32BE(end - 4));
}
