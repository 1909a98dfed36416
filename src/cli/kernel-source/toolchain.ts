/** clang and wasm-ld, as programs of the system. */
import { spawnSync } from 'node:child_process';
import { UsageError } from '../io.ts';

/** A compiler and a linker that were found to work. */
export interface Toolchain {
  readonly clang: string;
  readonly linker: string;
  /** As the compiler calls itself. */
  readonly version: string;
}

export const INSTALL = 'on Debian: apt-get install clang lld';

/**
 * Find them: as CLANG and WASM_LD say, else by their usual names.
 * @throws UsageError if one is missing.
 */
export function findToolchain(environment: NodeJS.ProcessEnv = process.env): Toolchain {
  const clang = environment['CLANG'] ?? 'clang';
  const linker = environment['WASM_LD'] ?? 'wasm-ld';
  const version = versionOf(clang, 'the compiler', 'CLANG');
  versionOf(linker, 'the linker', 'WASM_LD');
  return { clang, linker, version };
}

function versionOf(program: string, what: string, variable: string): string {
  const { error, status, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  if (error !== undefined || status !== 0)
    throw new UsageError(
      `--kernel-source: found no ${program} that runs, expected ${what} of LLVM 14 or later (${INSTALL}; ${variable} names another)`,
    );
  return stdout.split('\n')[0] ?? '';
}

/** What a program said. */
export interface Ran {
  readonly failed: boolean;
  /** Standard error, and standard output where it is not the result. */
  readonly said: string;
  readonly out: string;
}

/** @throws UsageError if it cannot be started. */
export function run(program: string, args: readonly string[]): Ran {
  const { error, status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (error !== undefined)
    throw new UsageError(`--kernel-source: ${program} cannot be run (${error.message})`);
  return { failed: status !== 0, said: stderr, out: stdout };
}
