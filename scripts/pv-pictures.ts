/** Makes the pictures of docs/pv.md: an image as it was sent and as it arrived, and what maintenance costs. Run: node scripts/pv-pictures.ts */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writePng } from '../src/cli/image.ts';
import { run } from '../src/cli/run.ts';

const FOLDER = fileURLToPath(new URL('../docs/pictures/', import.meta.url));
const WIDTH = 192;
const HEIGHT = 128;

/** Gradients, a chessboard, a disc: where something is missing, it shows. */
function testCard(): Uint8Array {
  const pixels = new Uint8Array(WIDTH * HEIGHT * 3);
  for (let y = 0; y < HEIGHT; y++)
    for (let x = 0; x < WIDTH; x++) {
      const light = (Math.floor(x / 16) + Math.floor(y / 16)) % 2 === 0;
      const inDisc = (x - WIDTH / 2) ** 2 + (y - HEIGHT / 2) ** 2 < 40 ** 2;
      const colour = [(255 * x) / WIDTH, (255 * y) / HEIGHT, 127 + 127 * Math.sin((x * x + y * y) / 900)];
      for (const [i, value] of colour.entries()) {
        const shade = light ? (value + 255) / 2 : value;
        pixels[(y * WIDTH + x) * 3 + i] = inDisc && i !== 1 ? 255 - shade : shade;
      }
    }
  return pixels;
}

async function dmalab(...args: string[]): Promise<void> {
  console.log(`dmalab ${args.join(' ')}`);
  const io = {
    stdin: process.stdin,
    out: () => {},
    complain: console.error,
    colours: false,
    terminal: undefined,
  };
  await run([...args, '--force'], io);
}

const scratch = mkdtempSync(join(tmpdir(), 'dmalab-'));
const card = join(scratch, 'card.png');
writeFileSync(card, writePng({ width: WIDTH, height: HEIGHT, channels: 3, pixels: testCard() }));
await dmalab('run', '--image', card, '--design', 'repaired', '--picture', `${FOLDER}pv-sent.png`);
await dmalab('run', '--image', card, '--design', 'linux-6.12', '--picture', `${FOLDER}pv-arrived.png`);
const designs = 'linux-3.13,linux-3.18-bounce,linux-3.19,linux-6.12,va-table,repaired';
await dmalab('run', '--bytes', '512', '--design', designs, '--plot', `${FOLDER}pv-costs.svg`);
rmSync(scratch, { recursive: true });
