import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Case, type Expectation, type WriteOptions, writeScenario } from './index.ts';
import { arbitraryCase, only, scenarioOf } from './testing.ts';

/** Steps stand on other lines after they were written. */
const withoutLines = (one: Case): Case => ({
  ...one,
  agents: one.agents.map((agent) => ({ ...agent, steps: agent.steps.map((step) => ({ ...step, line: 0 })) })),
});

describe('a written case', () => {
  it('is read as the same case', () => {
    fc.assert(
      fc.property(arbitraryCase(), (one) => {
        const text = writeScenario(one, { title: 'x' });
        expect(withoutLines(only(text))).toStrictEqual(withoutLines(one));
      }),
      { numRuns: 150 },
    );
  });

  it('is written as the same text when it was read', () => {
    fc.assert(
      fc.property(arbitraryCase(), (one) => {
        const text = writeScenario(one, { title: 'x' });
        expect(writeScenario(only(text), { title: 'x' })).toBe(text);
      }),
      { numRuns: 50 },
    );
  });

  it('leaves out what has its default', () => {
    const text = `title: A request
platform: { xen: 4.20 }
domains:
  guest: {}
devices:
  disk: {}
buffers:
  data: { domain: guest, offset: 512 }
agents:
  frontend:
    domain: guest
    steps:
      - grant: data
      - signal: request
  backend:
    steps:
      - wait: request
      - map-grant: { grant: data, as: page }
      - map: { buffer: page, direction: TO_DEVICE }
      - device-read: page
      - unmap: page
      - barrier
`;
    expect(writeScenario(only(text), { title: 'A request' })).toBe(text);
  });

  it('is the steps alone where there is one driver on a host', () => {
    const text = `title: x
buffers:
  data: { size: 64 }
steps:
  - read: { buffer: data, bytes: [ 0, 8 ] }
`;
    expect(writeScenario(only(text), { title: 'x' })).toBe(text);
  });
});

describe('what else a written file says', () => {
  const one = only('title: x\nsteps: [barrier]');
  const written = (options: WriteOptions) => scenarioOf(writeScenario(one, options));
  // A replacement character stands for bytes that were no text.
  const words = fc
    .string({ unit: 'binary', minLength: 1 })
    .filter((text) => text.trim() !== '' && !text.includes('\ufffd'));

  it('are its title and story, whatever they are made of', () => {
    fc.assert(
      fc.property(words, words, (title, story) => {
        expect(written({ title, story })).toMatchObject({ title, story });
      }),
    );
  });

  it('are expectations and bounds', () => {
    const expectations: Expectation[] = [
      { designs: ['dma-direct'], verdict: 'violated', rule: 'lost-write', because: 'nobody cleans: at all' },
    ];
    const bounds = { executions: 7, transitions: 2_000_000 };
    expect(written({ title: 'x', expectations, bounds })).toMatchObject({ expectations, bounds });
  });

  it('is where editors find the schema', () => {
    const text = writeScenario(one, { title: 'x', schema: '../schemas/scenario.schema.json' });
    expect(text).toMatch(/^# yaml-language-server: \$schema=..\/schemas\/scenario.schema.json\n/);
  });
});
