/** `--kernel-source DIR`: the tree as designs beside those that are built in, and what the reports say of it. */
import { configurationOf, sourceDesigns, sourceName } from '../../kernel-source/index.ts';
import type { Design, Kernel } from '../../linux/index.ts';
import type { KernelSourceReport } from '../../report/index.ts';
import { buildSource, openTree, type Tree } from './build.ts';

/** What decides how a tree is to be configured. */
export type KernelKind = Pick<Kernel, 'architecture' | 'physBits'>;

/** A tree that was named and is to be built. */
export class Source {
  /** As --design takes it. */
  readonly name: string;
  readonly #tree: Tree;

  /** @throws UsageError if it is no Linux tree. */
  constructor(folder: string) {
    this.#tree = openTree(folder);
    this.name = sourceName(this.#tree.release);
  }

  /**
   * @param kernels those that are to run it.
   * @throws UsageError if it cannot be built.
   */
  build(kernels: readonly KernelKind[]): BuiltSource {
    const configurations = new Set(kernels.map(configurationOf));
    const { source, parts, toolchain } = buildSource(this.#tree, configurations);
    return {
      designs: sourceDesigns(source),
      report: {
        folder: this.#tree.folder,
        release: this.#tree.release.join('.'),
        design: this.name,
        compiler: toolchain.version,
        configurations: [...source.modules.keys()],
        ...parts,
      },
    };
  }
}

export interface BuiltSource {
  readonly designs: readonly Design[];
  readonly report: KernelSourceReport;
}
