/** Device trees that scenarios name: read beside the scenario's file, once each. */
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type DeviceTree, DeviceTreeError, readFdt } from '../devicetree/index.ts';
import type { ReadBoard } from '../scenario/index.ts';
import { isGzip } from './gunzip.ts';

/** @param scenario path of the scenario's file; "-" for standard input, whose folder is the current one. */
export function scenarioBoards(scenario: string): ReadBoard {
  const known = new Map<string, DeviceTree | string>();
  return (path) => {
    const file = isAbsolute(path) || scenario === '-' ? path : join(dirname(scenario), path);
    const tree = known.get(file) ?? readBoard(file);
    known.set(file, tree);
    return tree;
  };
}

function readBoard(file: string): DeviceTree | string {
  let bytes: Uint8Array;
  try {
    const content = readFileSync(file);
    bytes = isGzip(content) ? gunzipSync(content, { maxOutputLength: LARGEST }) : content;
  } catch (error) {
    return `found ${file}, which cannot be read (${(error as NodeJS.ErrnoException).code ?? 'damaged'}), expected a device tree blob`;
  }
  try {
    return readFdt(bytes);
  } catch (error) {
    if (error instanceof DeviceTreeError) return `${file}: ${error.message}`;
    throw error;
  }
}

/** As many bytes as the largest whole file that is read. */
const LARGEST = 64 * 2 ** 20;
