/**
 * From a Linux tree to WebAssembly: its DMA files, unmodified, with the shims' headers before its own.
 *
 * What the compiler says of functions that it does not know is kept: only if the linker cannot do without one is it an error.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  COMPLETES_MAINTENANCE,
  CONFIGURATIONS,
  type Configuration,
  type KernelSource,
  PROBES,
  releaseOf,
  SOURCE_FILES,
} from '../../kernel-source/index.ts';
import type { Release } from '../../linux/index.ts';
import { UsageError } from '../io.ts';
import { dependenciesOf, emptyHeaders, forwardHeaders } from './headers.ts';
import { findToolchain, INSTALL, run, type Toolchain } from './toolchain.ts';

const SHIMS = fileURLToPath(new URL('../../kernel-source/shims', import.meta.url));
/** What the shims have to compile themselves. */
const SHIM_FILES = ['services.c', 'entry.c'] as const;
/** In the kernel's own files loops that do not end, NULL, and shifts that are too wide end the call. */
const WATCHED = [
  '-fsanitize-coverage=trace-pc,no-prune',
  '-fsanitize=null,shift-exponent,bounds,integer-divide-by-zero',
  '-fno-sanitize-recover=all',
] as const;
/** The tree, in the folder that a build is made in. */
const ROOT = 'tree';
/** Longest chain of headers that include empty ones. */
const ROUNDS = 20;

/** Whose the text is that was compiled. Paths in the tree, and in the shims' folder. */
export interface Parts {
  readonly files: readonly string[];
  readonly ownHeaders: readonly string[];
  readonly shims: readonly string[];
  readonly empty: readonly string[];
}

/** A tree that was looked at and can be built. */
export interface Tree {
  /** As the user wrote it. */
  readonly folder: string;
  readonly release: Release;
}

/** @throws UsageError if it is no Linux tree, or lacks what is to be compiled. */
export function openTree(folder: string): Tree {
  const makefile = readText(join(folder, 'Makefile'));
  const release = makefile === undefined ? undefined : releaseOf(makefile);
  if (release === undefined)
    throw notLinux(
      folder,
      makefile === undefined ? 'no Makefile in it' : 'a Makefile without VERSION and PATCHLEVEL',
    );
  const needed = [...SOURCE_FILES, 'include/xen/page.h', 'kernel/dma/direct.h'];
  const missing = needed.filter((name) => !existsSync(join(folder, name)));
  if (missing.length > 0)
    throw notLinux(folder, `a tree of ${release.join('.')} without ${missing.join(', ')}`);
  return { folder, release };
}

function notLinux(folder: string, found: string): UsageError {
  return new UsageError(
    `--kernel-source: ${folder}: found ${found}, expected a Linux source tree of 5.10 or later (looked for Makefile and ${SOURCE_FILES.join(', ')} in ${resolve(folder)})`,
  );
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * Build a tree for some configurations.
 * @throws UsageError with what the compiler says, if it cannot be built.
 */
export function buildSource(
  tree: Tree,
  names: ReadonlySet<Configuration['name']>,
): { readonly source: KernelSource; readonly parts: Parts; readonly toolchain: Toolchain } {
  const toolchain = findToolchain();
  const modules = new Map<Configuration['name'], Uint8Array<ArrayBuffer>>();
  const parts = {
    files: new Set<string>(),
    ownHeaders: new Set<string>(),
    shims: new Set<string>(),
    empty: new Set<string>(),
  };
  for (const configuration of CONFIGURATIONS) {
    if (!names.has(configuration.name)) continue;
    const folder = mkdtempSync(join(tmpdir(), 'dmalab-kernel-source-'));
    try {
      const build = new Build(tree, configuration, toolchain, folder);
      modules.set(configuration.name, build.make());
      for (const path of build.used) sortOut(path, folder, parts);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const completesMaintenance = hasText(tree, COMPLETES_MAINTENANCE);
  return {
    source: { release: tree.release, modules, completesMaintenance },
    parts: {
      files: [...parts.files],
      ownHeaders: [...parts.ownHeaders].sort(),
      shims: [...parts.shims].sort(),
      empty: [...parts.empty].sort(),
    },
    toolchain,
  };
}

function sortOut(path: string, folder: string, parts: Record<keyof Parts, Set<string>>): void {
  const within = (outer: string) => {
    const name = relative(resolve(outer), resolve(path));
    return name.startsWith('..') ? undefined : name;
  };
  const shim = within(SHIMS);
  const own = within(join(folder, ROOT));
  const made = own === undefined ? within(folder) : undefined;
  if (shim !== undefined) parts.shims.add(shim);
  else if (made !== undefined) {
    if (readFileSync(path).length === 0) parts.empty.add(relative('headers', made));
  } else if (own !== undefined) (own.endsWith('.c') ? parts.files : parts.ownHeaders).add(own);
}

function hasText(
  { folder }: Tree,
  { header, has }: { readonly header: string; readonly has: RegExp },
): boolean {
  return has.test(readText(join(folder, header)) ?? '');
}

/** One configuration in the making. */
class Build {
  /** Every file that the compiler read. */
  readonly used = new Set<string>();
  readonly #tree: Tree;
  readonly #configuration: Configuration;
  readonly #toolchain: Toolchain;
  readonly #folder: string;
  readonly #headers: string;
  /** The tree. */
  readonly #root: string;
  /** What the compiler said of functions that it did not know, by their name. */
  readonly #unknown = new Map<string, string[]>();

  constructor(tree: Tree, configuration: Configuration, toolchain: Toolchain, folder: string) {
    this.#tree = tree;
    this.#configuration = configuration;
    this.#toolchain = toolchain;
    this.#folder = folder;
    this.#headers = join(folder, 'headers');
    this.#root = join(folder, ROOT);
    // A name that can stand in an #include, whatever the tree's is.
    symlinkSync(resolve(tree.folder), this.#root);
    forwardHeaders(this.#headers, this.#root, configuration);
  }

  make(): Uint8Array<ArrayBuffer> {
    const paths = [
      ...SOURCE_FILES.map((name) => join(this.#root, name)),
      ...SHIM_FILES.map((name) => join(SHIMS, name)),
    ];
    this.#findHeaders(paths);
    return this.#link(paths.map((path) => this.#compile(path)));
  }

  /**
   * In two steps: the check that the compiler puts into every block (WATCHED) comes after its inlining, so only the second inlines
   * it. A call a block was measured to be a fifth of the time of a call of the DMA API.
   */
  #compile(path: string): string {
    const flags = this.#flags(path);
    const name = basename(path, '.c');
    const object = join(this.#folder, `${name}.o`);
    const depfile = join(this.#folder, `${name}.d`);
    const bitcode = join(this.#folder, `${name}.bc`);
    const { failed, said } = run(this.#toolchain.clang, [
      ...flags,
      '-c',
      '-emit-llvm',
      '-MD',
      '-MF',
      depfile,
      '-o',
      bitcode,
      path,
    ]);
    if (failed) throw this.#cannotCompile(said);
    const { target } = this.#configuration;
    const inlined = run(this.#toolchain.clang, [`--target=${target}`, '-O2', '-c', '-o', object, bitcode]);
    if (inlined.failed) throw this.#cannotCompile(inlined.said);
    this.#note(said);
    for (const used of dependenciesOf(readFileSync(depfile, 'utf8'))) this.used.add(resolve(used));
    return object;
  }

  /** Empty ones for those that nobody has, until nothing is missing. */
  #findHeaders(paths: readonly string[]): void {
    const flags = this.#flags('');
    for (let round = 0; round < ROUNDS; round++) {
      const { failed, said, out } = run(this.#toolchain.clang, [...flags, '-M', '-MG', ...paths]);
      if (failed) throw this.#cannotCompile(said);
      const missing = dependenciesOf(out).filter((name) => !existsSync(name));
      if (missing.length === 0) return;
      emptyHeaders(this.#headers, missing);
    }
  }

  #flags(path: string): string[] {
    const { target, defines } = this.#configuration;
    const probed = PROBES.filter((probe) => hasText(this.#tree, probe)).map(({ define }) => define);
    const own = path.endsWith('kernel/dma/direct.c') ? ['DMALAB_DIRECT'] : [];
    return [
      `--target=${target}`,
      '-O2',
      '-gdwarf-4',
      '-gline-tables-only',
      '-std=gnu11',
      '-nostdinc',
      '-ffreestanding',
      '-fno-strict-aliasing',
      '-fwrapv',
      '-mmutable-globals',
      ...(path.startsWith(SHIMS) ? [] : WATCHED),
      '-Wno-everything',
      '-Wimplicit-function-declaration',
      '-Wno-error=implicit-function-declaration',
      '-Wno-int-conversion',
      '-fno-color-diagnostics',
      '-fno-caret-diagnostics',
      '-ferror-limit=5',
      `-ffile-prefix-map=${this.#root}/=`,
      `-ffile-prefix-map=${SHIMS}/=shims/`,
      `-I${SHIMS}`,
      `-I${this.#headers}`,
      '-include',
      join(SHIMS, 'kernel.h'),
      '-DKBUILD_MODNAME="dma"',
      ...[...defines, ...probed, ...own].map((name) => `-D${name}=1`),
    ];
  }

  #note(said: string): void {
    for (const line of said.split('\n')) {
      const name = /(?:implicit declaration of|call to undeclared) function '(\w+)'/.exec(line)?.[1];
      if (name !== undefined) this.#unknown.set(name, [...(this.#unknown.get(name) ?? []), line]);
    }
  }

  #link(objects: readonly string[]): Uint8Array<ArrayBuffer> {
    const output = join(this.#folder, 'kernel.wasm');
    const { failed, said } = run(this.#toolchain.linker, [
      ...(this.#configuration.target === 'wasm64' ? ['-mwasm64'] : []),
      '--no-entry',
      '--gc-sections',
      '--stack-first',
      '--allow-undefined',
      '--export=__stack_pointer',
      '--export=__heap_base',
      '-o',
      output,
      ...objects,
    ]);
    if (failed) throw this.#cannotCompile(said);
    const bytes = new Uint8Array(readFileSync(output));
    const lacking = WebAssembly.Module.imports(new WebAssembly.Module(bytes)).flatMap(({ module, name }) =>
      module === 'env' ? (this.#unknown.get(name) ?? []) : [],
    );
    if (lacking.length > 0)
      throw new UsageError(
        `--kernel-source: ${this.#tree.folder}: the kernel\u2019s files use functions that dmalab\u2019s shims do not have (docs/kernel-source.md says how to add one)\n${this.#asGiven(lacking.join('\n'))}`,
      );
    return bytes;
  }

  #cannotCompile(said: string): UsageError {
    const text = this.#asGiven(said.trim());
    const hint = /unknown target triple|No available targets|unable to create target/.test(text)
      ? ` (this clang has no ${this.#configuration.target}; ${INSTALL}, or CLANG names another)`
      : '';
    return new UsageError(
      `--kernel-source: ${this.#tree.folder}: cannot be compiled for ${this.#configuration.name}${hint}\n${text}`,
    );
  }

  /** Names in the tree as the user would write them. */
  #asGiven(said: string): string {
    return said.replaceAll(this.#root, this.#tree.folder);
  }
}
