import { describe, expect, test } from 'vitest';
import { EventKind } from './event.ts';
import { line, readEvent, readTrace } from './testing.ts';

const MAP = 'dma_map_page: 0000:00:03.0 dir=TO_DEVICE dma_addr=c2ba7342 size=70 phys_addr=1c2ba7342 attrs=';

describe('other lines', () => {
  test('of lost events are events, in their place', () => {
    const trace = readTrace(
      `CPU:3 [LOST 42 EVENTS]\n${line(MAP)}CPU:1 [LOST EVENTS]\n##### CPU 2 buffer started ####\nCPU:7 [12 EVENTS DROPPED]\nCPU:0 [EVENTS DROPPED]\n`,
    );
    expect(trace.events.map((event) => [event.kind, event.cpu, event.lost])).toEqual([
      [EventKind.lost, 3, 42],
      [EventKind.map, 1, 42],
      [EventKind.lost, 1, 0],
      [EventKind.lost, 2, 0],
      [EventKind.lost, 7, 12],
      [EventKind.lost, 0, 0],
    ]);
    expect(trace.summary).toMatchObject({ lost: 57, strange: 0, events: 1 });
  });

  test('of the header say how much was overwritten', () => {
    const { summary } = readTrace('# entries-in-buffer/entries-written: 5083/17290   #P:1\n');
    expect(summary).toMatchObject({ overwritten: 12207, lost: 0 });
  });

  test('of stack dumps are skipped', () => {
    const trace = readTrace(
      `${line('<stack trace>')} => el1h_64_sync\n => [FTRACE TRAMPOLINE]\n${line('<user stack trace>')} =>  <0000ffff8c5b6c34>\n${line('kernel_stack:         <stack trace >')}=> do_idle (ffffc6c329d0)\n\n`,
    );
    expect(trace.summary).toMatchObject({ strange: 0, unparsed: 0, events: 0, lines: 8 });
    expect(trace.events).toEqual([]);
  });

  test('of events that mean nothing here are counted by name', () => {
    const trace = readTrace(line('nvme_setup_cmd: nvme0: qid=1') + line('nvme_setup_cmd: x') + line('a <-b'));
    expect(trace.summary.unknown).toEqual(
      new Map([
        ['nvme_setup_cmd', 2],
        ['function', 1],
      ]),
    );
    expect(trace.summary).toMatchObject({ events: 3, strange: 0, known: new Map() });
  });

  test('that fit nothing are counted, and the first is kept', () => {
    const { summary } = readTrace(`${line(MAP)}\0\u00ff rubbish\r\nmore\n${line('UNKNOWN TYPE 5')}`);
    expect(summary).toMatchObject({ strange: 3, firstStrange: { line: 2 } });
    expect(summary.firstStrange?.excerpt).toContain('rubbish');
  });

  test('names without end do not fill the memory', () => {
    const many = Array.from({ length: 3000 }, (_, i) => line(`made_up_${i}: x`)).join('');
    const { summary } = readTrace(many);
    expect(summary.unknown.size).toBe(1000);
    expect(summary.events).toBe(3000);
  });

  test('markers give their text', () => {
    expect(readEvent('tracing_mark_write: STEP a: b=c  ')).toMatchObject({
      text: 'STEP a: b=c  ',
      device: -1,
    });
    expect(readEvent('bprint: my_function: text').text).toBe('my_function: text');
  });

  test('may end in CR LF', () => {
    const trace = readTrace(
      `# x\r\n\r\n${line(MAP).replace('\n', '\r\n')}${line('print: text').replace('\n', '\r\n')}cpus=2\r\n`,
    );
    expect(trace.events).toMatchObject([
      { size: 70, attributes: 0, line: 3 },
      { text: 'text', line: 4 },
    ]);
    expect(trace.summary).toMatchObject({ strange: 0, unparsed: 0, lines: 5 });
  });

  test('may have blanks at their end', () => {
    expect(readTrace(line(`${MAP}  `) + line(MAP)).events.map((event) => event.line)).toEqual([1, 2]);
  });
});
