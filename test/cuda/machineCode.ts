/** The machine code in a library of CUDA kernels, read without NVIDIA's tools. */

/** A kernel as it runs on one kind of card. */
export interface Kernel {
  /** Mangled; of a kernel in an unnamed namespace it holds the name of its file, "qgemm_cuda_cu". */
  name: string;
  /** The cards: '80', '90', or '90a' for code that runs on no others. */
  card: string;
  /** Bytes of memory of each thread beside its registers: arrays that are indexed, and spilled registers. */
  frame: number;
  /** The low 12 bits of each instruction. */
  opcodes: Uint16Array;
}

/** Opcodes of products of tensor cores; IGMMA is that of warpgroups. */
const tensorOpcodes = { IMMA: 0x237, BMMA: 0x23d, HMMA: 0x23c, IGMMA: 0x9f1 } as const;

/** The sources of products, in native/kernels, and what they multiply with. */
export const products: ReadonlyMap<string, keyof typeof tensorOpcodes> = new Map([
  ['gemm/matrices_tf32.cu', 'HMMA'],
  ['gemm/matrices_bf16.cu', 'HMMA'],
  ['conv/convolutions_tf32.cu', 'HMMA'],
  ['conv/convolutions_bf16.cu', 'HMMA'],
  ['qgemm/qgemm_cuda.cu', 'IMMA'],
  ['qgemm/qgemm_sm90a.cu', 'IGMMA'],
  ['qconv/qconv2d_cuda.cu', 'IMMA'],
  ['qconv/qconv2d_sm90a.cu', 'IGMMA'],
  ['lowbit/lowbitGemm_cuda.cu', 'IMMA'],
  ['lowbit/lowbitConv2d_cuda.cu', 'IMMA'],
  ['binary/products_cuda.cu', 'BMMA'],
]);

/** Whether the kernels of a file of `products`, or some of them, have its instruction. */
export function multiplyOnTensorCores(file: string, kernels: readonly Pick<Kernel, 'opcodes'>[]): boolean {
  const opcode = tensorOpcodes[products.get(file) as keyof typeof tensorOpcodes];
  return kernels.some(({ opcodes }) => opcodes.includes(opcode));
}

const fatbinMagic = 0xba55ed50;
const elfMagic = 0x464c457f;

/** The kernels of a library that was built by nvcc. Its images are ELF files, uncompressed, in containers with a magic number. */
export function kernelsIn(library: Buffer): Kernel[] {
  const kernels: Kernel[] = [];
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(fatbinMagic);
  for (let at = library.indexOf(magic); at >= 0; at = library.indexOf(magic, at + 4)) {
    let entry = at + library.readUInt16LE(at + 6);
    const end = entry + Number(library.readBigUInt64LE(at + 8));
    while (entry < end) {
      const head = library.readUInt32LE(entry + 4);
      const size = Number(library.readBigUInt64LE(entry + 8));
      const image = library.subarray(entry + head, entry + head + size);
      if (image.readUInt32LE(0) !== elfMagic) throw new Error('the library holds compressed machine code');
      const specific = (library.readUInt32LE(entry + 40) & 0x100000) !== 0;
      const card = `${library.readUInt32LE(entry + 28)}${specific ? 'a' : ''}`;
      kernels.push(...kernelsOf(image).map((kernel) => ({ ...kernel, card })));
      entry += head + size;
    }
  }
  return kernels;
}

/** The kernels of a file for one kind of card: an ELF file, "cubin". */
export function kernelsOf(elf: Buffer): Pick<Kernel, 'name' | 'frame' | 'opcodes'>[] {
  const sections = sectionsOf(elf);
  const frames = framesOf(sections);
  return [...sections].flatMap(([section, code]) => {
    if (!section.startsWith('.text.')) return [];
    const name = section.slice('.text.'.length);
    const opcodes = Uint16Array.from({ length: code.length / 16 }, (_, i) => code.readUInt16LE(16 * i) & 0xfff);
    return [{ name, frame: frames.get(name) ?? 0, opcodes }];
  });
}

function sectionsOf(elf: Buffer): Map<string, Buffer> {
  const table = Number(elf.readBigUInt64LE(40));
  const headers = Array.from({ length: elf.readUInt16LE(60) }, (_, i) => table + 64 * i);
  const body = (header: number) => {
    const first = Number(elf.readBigUInt64LE(header + 24));
    return elf.subarray(first, first + Number(elf.readBigUInt64LE(header + 32)));
  };
  const names = body(headers[elf.readUInt16LE(62)]);
  return new Map(headers.map((header) => [textAt(names, elf.readUInt32LE(header)), body(header)]));
}

const textAt = (table: Buffer, at: number) => table.toString('latin1', at, table.indexOf(0, at));

// Attributes are: format, what it is, two bytes of value or the size of what follows. Frames are (symbol, bytes).
const sizedFormat = 4;
const frameSize = 0x11;

function framesOf(sections: ReadonlyMap<string, Buffer>): Map<string, number> {
  const [info, symbols, names] = ['.nv.info', '.symtab', '.strtab'].map((name) => sections.get(name) ?? Buffer.alloc(0));
  const frames = new Map<string, number>();
  for (let at = 0; at < info.length; ) {
    const sized = info[at] === sizedFormat;
    if (sized && info[at + 1] === frameSize) {
      const symbol = info.readUInt32LE(at + 4);
      frames.set(textAt(names, symbols.readUInt32LE(24 * symbol)), info.readUInt32LE(at + 8));
    }
    at += 4 + (sized ? info.readUInt16LE(at + 2) : 0);
  }
  return frames;
}
