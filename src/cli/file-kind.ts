/** What people pass by mistake, told by its first bytes: swapped arguments, compressed or recorded data, other files. */

export interface FileKind {
  /** "a device tree". */
  readonly what: string;
  /** What to do about it. */
  readonly hint: string;
  /** The argument of `dmalab replay` that it belongs to. */
  readonly role?: 'trace' | 'device tree' | 'iomem';
}

/** As many bytes are looked at. */
export const HEAD = 4096;

const TRACE: FileKind = {
  what: 'a kernel trace',
  hint: 'the trace is the argument without an option; were two swapped?',
  role: 'trace',
};
const IOMEM: FileKind = {
  what: 'a list of address ranges as in /proc/iomem',
  hint: 'give it with --iomem; were two arguments swapped?',
  role: 'iomem',
};

const SIGNATURES: readonly { readonly bytes: readonly number[]; readonly kind: FileKind }[] = [
  {
    bytes: [0xd0, 0x0d, 0xfe, 0xed],
    kind: {
      what: 'a device tree',
      hint: 'give it with --dtb; were two arguments swapped?',
      role: 'device tree',
    },
  },
  {
    bytes: [0x17, 0x08, 0x44, 0x74, 0x72, 0x61, 0x63, 0x69, 0x6e, 0x67],
    kind: { what: 'a trace.dat', hint: 'make text of it first: trace-cmd report -l FILE > trace.txt' },
  },
  compressed([0xfd, 0x37, 0x7a, 0x58, 0x5a], 'xz', 'unxz'),
  compressed([0x28, 0xb5, 0x2f, 0xfd], 'zstd', 'unzstd'),
  compressed([0x42, 0x5a, 0x68], 'bzip2', 'bunzip2'),
  compressed([0x04, 0x22, 0x4d, 0x18], 'lz4', 'unlz4'),
  compressed([0x50, 0x4b, 0x03, 0x04], 'zip', 'unzip'),
  compressed([0x1f, 0x8b], 'doubly gzipped', 'gunzip'),
  {
    bytes: [0x7f, 0x45, 0x4c, 0x46],
    kind: { what: 'an ELF file', hint: 'it belongs to none of the arguments' },
  },
  {
    bytes: [0x50, 0x45, 0x52, 0x46, 0x49, 0x4c, 0x45],
    kind: { what: 'a perf.data', hint: 'record with the trace file system or trace-cmd' },
  },
];

function compressed(bytes: readonly number[], name: string, tool: string) {
  return { bytes, kind: { what: `${name} data`, hint: `unpack it first: ${tool}` } };
}

/** What a file is by its first bytes; undefined where that does not tell. */
export function fileKind(head: Uint8Array): FileKind | undefined {
  const signature = SIGNATURES.find(({ bytes }) => bytes.every((byte, i) => head[i] === byte));
  if (signature) return signature.kind;
  const text = new TextDecoder().decode(head.subarray(0, HEAD));
  if (/^ *[0-9a-f]{8,16}-[0-9a-f]{8,16} : /.test(text)) return IOMEM;
  if (/^# tracer: |^cpus=\d+\s|^.{8,}-\d+ +(?:\([ \d-]+\) )?\[\d{3}\] .*: \w+: /m.test(text)) return TRACE;
  if (text.startsWith('/dts-v1/'))
    return { what: 'device tree source', hint: 'compile it first: dtc -I dts -O dtb' };
  return undefined;
}
