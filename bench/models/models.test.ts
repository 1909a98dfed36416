import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingCheckers } from '../tools.ts';
import { makeChecker } from '../verdict-peers.ts';
import { murphi } from './murphi.ts';
import { promela } from './promela.ts';
import { expectedVerdict } from './story.ts';

const STORIES = [true, false].map((invalidate) => ({ lines: 2, invalidate }));

describe('the generated models', () => {
  it('give every line its moves and the device its write', () => {
    const text = promela({ lines: 3, invalidate: true });
    expect(text.match(/written\[\d\] == 0 ->/g)).toHaveLength(3);
    expect(text.match(/== ABSENT -> line\[\d\] = CLEAN/g)).toHaveLength(3);
  });

  it('leave the invalidate out where the story does', () => {
    expect(promela({ lines: 1, invalidate: false })).not.toContain('DC IVAC');
    expect(murphi({ lines: 1, invalidate: false }, false)).not.toContain('DC IVAC');
  });

  it('let Rumur take lines for one another only where it is asked to', () => {
    expect(murphi({ lines: 2, invalidate: true }, true)).toContain('scalarset(2)');
    expect(murphi({ lines: 2, invalidate: true }, false)).not.toContain('scalarset');
  });
});

const missing = missingCheckers();

describe.skipIf(missing !== undefined)(`the verdict${missing === undefined ? '' : ` (${missing})`}`, () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'dmalab-models-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it.each(STORIES)(
    'of Spin and Rumur is the expected one: $lines lines, invalidate $invalidate',
    { timeout: 60_000 },
    (story) => {
      for (const peer of ['spin', 'rumur', 'rumurSymmetric'] as const)
        expect(makeChecker(peer, story, folder, undefined).verdict).toBe(expectedVerdict(story));
    },
  );
});
