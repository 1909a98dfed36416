/** The small files beside a trace: device tree and /proc/iomem, and what is said where they are something else. */
import { type DeviceTree, DeviceTreeError, readFdt, readOverlay, readPlatform } from '../devicetree/index.ts';
import type { OwnRam } from '../replay/index.ts';
import { InputError } from '../text/index.ts';
import { fileKind, HEAD } from './file-kind.ts';
import { type Io, UsageError } from './io.ts';
import { nameOf, readWhole, refused, type Source } from './sources.ts';

/** What is known of the machine besides the trace. */
export interface Board {
  readonly tree: DeviceTree | undefined;
  readonly ownRam: OwnRam | undefined;
  /** Whether the device tree is of a system with Xen. */
  readonly fromTree: { readonly value: boolean; readonly because: string } | undefined;
}

/** @throws UsageError with one line on the file that cannot be used. */
export async function readBoard(dtb: string | undefined, iomem: string | undefined, io: Io): Promise<Board> {
  const tree = dtb === undefined ? undefined : await readTree({ path: dtb, io, wanted: 'a device tree' });
  const ownRam =
    iomem === undefined ? undefined : await readIomem({ path: iomem, io, wanted: 'the text of /proc/iomem' });
  return { tree, ownRam, fromTree: tree && readPlatform(tree).runsXen };
}

/** @throws UsageError with one line on a file that is no usable device tree. */
export async function readTree(source: Source): Promise<DeviceTree> {
  return treeOf(source, await readWhole(source), readFdt);
}

/** @throws UsageError likewise, or where it is no overlay. */
export async function readOverlayFile(source: Source): Promise<DeviceTree> {
  return treeOf(source, await readWhole(source), readOverlay);
}

function treeOf(source: Source, bytes: Uint8Array, read: (bytes: Uint8Array) => DeviceTree): DeviceTree {
  return naming(nameOf(source), () => {
    try {
      return read(bytes);
    } catch (error) {
      if (error instanceof DeviceTreeError && error.kind === 'not-a-device-tree')
        refuseOther(source, bytes, 'device tree');
      throw error;
    }
  });
}

async function readIomem(source: Source): Promise<OwnRam> {
  const bytes = await readWhole(source);
  // Most commands have no such file, and need nothing of what reads traces.
  const { parseIomem } = await import('../trace/index.ts');
  return naming(nameOf(source), () => {
    try {
      return parseIomem(new TextDecoder().decode(bytes));
    } catch (error) {
      refuseOther(source, bytes, 'iomem');
      throw error;
    }
  });
}

/** @throws UsageError if the file is something else that has a name. */
function refuseOther(source: Source, bytes: Uint8Array, role: 'device tree' | 'iomem'): void {
  const kind = fileKind(bytes.subarray(0, HEAD));
  if (kind && kind.role !== role) throw refused(source, kind.what, kind.hint);
}

/** Run it; what it says of its input gets the input's name. @throws UsageError. */
export function naming<T>(name: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    const known = error instanceof InputError || error instanceof DeviceTreeError;
    throw known ? new UsageError(`${name}: ${error.message}`) : error;
  }
}
