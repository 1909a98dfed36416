/** Compiles src/trace/matcher/scan.ts to WebAssembly and writes it, as text, to module.ts. The compiler gives the same bytes each time. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { main } from 'assemblyscript/asc';
import { PAGES } from '../src/trace/matcher/memory.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const WRITTEN = new URL('../src/trace/matcher/module.ts', import.meta.url);
const FLAGS = `-O3 --converge --noAssert --runtime stub --enable simd --initialMemory ${PAGES} --maximumMemory ${PAGES}`;

/** What module.ts must hold. */
export async function matcherText(): Promise<string> {
  let module = new Uint8Array();
  const { error, stderr } = await main(
    ['src/trace/matcher/scan.ts', '--baseDir', ROOT, '--outFile', 'scan.wasm', ...FLAGS.split(' ')],
    {
      writeFile: (_, contents) => {
        module = Uint8Array.from(contents as Uint8Array);
      },
    },
  );
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`);
  const lines =
    Buffer.from(module)
      .toString('base64')
      .match(/.{1,100}/g) ?? [];
  const text = lines.map((line) => `  '${line}'`).join(' +\n');
  return `/** scan.ts as WebAssembly, in base64: written by scripts/build-trace-matcher.ts. */\nexport const MODULE =\n${text};\n`;
}

if (import.meta.main) writeFileSync(WRITTEN, await matcherText());
