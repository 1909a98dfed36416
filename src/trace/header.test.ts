import { describe, expect, test } from 'vitest';
import { Context } from './event.ts';
import { readTrace } from './testing.ts';

const PAYLOAD = 'cflush_ret: (dma_cache_maint+0xbc/0x120) ret=-22';

function read(header: string) {
  const trace = readTrace(`${header}${PAYLOAD}\n`);
  const [event] = trace.events;
  return { ...trace, event, who: event && [event.pid, event.cpu, event.context] };
}

describe('the header of a line', () => {
  test('of the kernel gives pid, CPU and context', () => {
    expect(read('          <idle>-0       [001] D.s..    22.752553: ').who).toEqual([0, 1, Context.softirq]);
  });

  test.each([
    ['.', Context.process],
    ['s', Context.softirq],
    ['h', Context.hardirq],
    ['H', Context.hardirq],
    ['z', Context.nmi],
    ['Z', Context.nmi],
  ])('with "%s" in the third flags column is context %i', (letter, context) => {
    for (const flags of [`d.${letter}1.`, `bN${letter}.2`, `XL${letter}f`, `.b${letter}..`]) {
      expect(read(`            bash-7       [000] ${flags}     1.000000: `).who).toEqual([7, 0, context]);
    }
  });

  test('without flags is read, and the contexts are not known', () => {
    const trace = read('            init-1     [003]    17.206630: ');
    expect(trace.who).toEqual([1, 3, Context.process]);
    expect(trace.summary.contextKnown).toBe(false);
  });

  test.each(['(    194) ', '(-------) '])('may have a thread group: %s', (group) => {
    expect(read(`       xenstored-194     ${group}[000] d....    21.735874: `).who?.[0]).toBe(194);
  });

  test.each([
    'kworker/u8:1',
    '1.xvda-0',
    'my [0] task:',
    'a-1 [0] 5.0: x',
    '[007] d... 1:',
    'cflush: bus=0x1',
    '###',
    '=> x',
    '     ',
    '-',
  ])('may belong to a task called "%s"', (task) => {
    const trace = read(`${task.padStart(16)}-4194304 [012] d.h2. 123456.000001: `);
    expect(trace.who).toEqual([4194304, 12, Context.hardirq]);
  });

  test.each(['25.113591', '123456789012', '7710448us', '7710448us+', '9us '])(
    'may have the time %s',
    (time) => {
      expect(read(`            bash-7       [000] d.h.. ${time}: `).who).toEqual([7, 0, Context.hardirq]);
    },
  );

  test.each([
    'xenstore-194       0d.s..   122us+: ',
    '  <idle>-0       1d.h..    30.549325: ',
    '  a-5 [0-17      12D.H12   122us : ',
  ])('may have the latency format: %s', (header) => {
    expect(read(header).event?.ret).toBe(-22);
  });

  test('is found where blanks were trimmed', () => {
    expect(read('kworker/u8:1-26 [001] d..1. 9.9: ').who).toEqual([26, 1, Context.process]);
    expect(read('a-b-26 [001] d.s1. 9.9: ').who).toEqual([26, 1, Context.softirq]);
  });

  test('that cannot be read does not hide an event that matters', () => {
    const trace = readTrace('            bash-7       [0x1] d.h.. 1.0: dma_unmap_page: x\n');
    expect(trace.unparsed).toMatchObject([{ line: 1, cpu: -1, event: 'dma_unmap_page' }]);
    expect(trace.summary.strange).toBe(0);
  });

  test('is not put together from two lines', () => {
    const trace = readTrace(`abc\n            -1     [000] d.... 1.0: ${PAYLOAD}\n`);
    expect(trace.summary.firstStrange).toEqual({ line: 1, excerpt: 'abc' });
  });
});
