#!/usr/bin/env node
// Starts the command line on the Node that the package brings, also where the system's is older.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const pinned = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
const { status } = spawnSync(
  existsSync(pinned) ? pinned : process.execPath,
  [main, ...process.argv.slice(2)],
  {
    stdio: 'inherit',
  },
);
process.exitCode = status ?? 130;
