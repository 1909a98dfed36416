/** `--kernel-source DIR`: the tree as designs beside those that are built in, and what the reports say of it. */
import { type Configuration, sourceDesigns, sourceName } from '../../kernel-source/index.ts';
import type { Design } from '../../linux/index.ts';
import type { KernelSourceReport } from '../../report/index.ts';
import { buildSource, openTree, type Tree } from './build.ts';

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

  /** @throws UsageError if it cannot be built. */
  build(configurations: ReadonlySet<Configuration['name']>): BuiltSource {
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
