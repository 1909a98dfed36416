/**
 * Nodes by the strings of their `compatible`, found by hash: a board has hundreds of such strings, of which a few are ever asked for.
 */
import { PROP_HEADER } from './layout.ts';
import { latin1 } from './strings-block.ts';
import { FIRST, hashOfText, PRIME } from './words.ts';

/** What is to be known of a node. */
interface Indexed {
  /** File offset of its `compatible` (the FDT_PROP token); 0 if it has none. */
  readonly compatibleAt: number;
}

/** Made in one pass over a tree's nodes. */
export class CompatibleIndex<Node extends Indexed> {
  private readonly byHash = new Map<number, Node | Node[]>();
  private readonly view: DataView;
  private readonly bytes: Uint8Array;

  constructor(nodes: readonly Node[], view: DataView, bytes: Uint8Array) {
    this.view = view;
    this.bytes = bytes;
    for (const node of nodes) if (node.compatibleAt !== 0) this.add(node);
  }

  /** The nodes that are compatible with exactly this, in the order of the file. */
  find(text: string): Node[] {
    const found = this.byHash.get(hashOfText(text));
    if (found === undefined) return [];
    return (Array.isArray(found) ? found : [found]).filter((node) => this.strings(node).includes(text));
  }

  private add(node: Node): void {
    const { bytes } = this;
    const from = node.compatibleAt + PROP_HEADER;
    const end = from + this.view.getUint32(node.compatibleAt + 4);
    // Not terminated: no list of strings for Linux.
    if (bytes[end - 1] !== 0) return;
    let hash = FIRST;
    for (let at = from; at < end; at += 1) {
      const byte = bytes[at] ?? 0;
      if (byte !== 0) hash = Math.imul(hash ^ byte, PRIME);
      else {
        this.enter(hash, node);
        hash = FIRST;
      }
    }
  }

  private enter(hash: number, node: Node): void {
    const others = this.byHash.get(hash);
    if (others === undefined) this.byHash.set(hash, node);
    else if (!Array.isArray(others)) this.byHash.set(hash, [others, node]);
    else if (others[others.length - 1] !== node) others.push(node);
  }

  private strings({ compatibleAt }: Node): string[] {
    const from = compatibleAt + PROP_HEADER;
    const to = from + this.view.getUint32(compatibleAt + 4) - 1;
    return latin1(this.bytes.subarray(from, to)).split('\0');
  }
}
