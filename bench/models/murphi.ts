/**
 * The story as a Murphi model for Rumur.
 *
 * Two of them: as written for Spin, the CPU going through the lines in order; and with the lines as a scalarset,
 * the CPU going through them in any order, so that Rumur may take lines for one another (symmetry reduction). No
 * line is told from another in this story, so that is as much help as a model can give it.
 */
import type { Story } from './story.ts';

export function murphi(story: Story, symmetric: boolean): string {
  const { lines, invalidate } = story;
  return `-- ${lines} cache lines, FROM_DEVICE, ${invalidate ? 'with' : 'without'} the invalidate of dma_unmap
type
  Line: ${symmetric ? `scalarset(${lines})` : `0 .. ${lines - 1}`};
  Place: enum { Absent, Clean, Dirty };
  Phase: enum { Map, Device, Unmap, Read, Done };
var
  line: array [Line] of Place;
  memory, cached, written: array [Line] of boolean;
  phase: Phase;
${symmetric ? '  done: array [Line] of boolean;' : `  next: 0 .. ${lines};`}

startstate begin
  for n: Line do
    line[n] := Dirty;
    memory[n] := false; cached[n] := false; written[n] := false;
    ${symmetric ? 'done[n] := false;' : ''}
  end;
  phase := Map;
  ${symmetric ? '' : 'next := 0;'}
end;

ruleset n: Line do
  rule "fill" line[n] = Absent ==> begin
    line[n] := Clean; cached[n] := memory[n];
  end;
  rule "write back" line[n] = Dirty ==> begin
    line[n] := Clean; memory[n] := cached[n];
  end;
  rule "evict" line[n] != Absent ==> begin
    if line[n] = Dirty then memory[n] := cached[n]; end;
    line[n] := Absent; cached[n] := false;
  end;
  rule "device writes" phase = Device & !written[n] ==> begin
    written[n] := true; memory[n] := true;
  end;
end;

${software(symmetric, 'map: DC CVAC', 'Map', 'if line[n] = Dirty then memory[n] := cached[n]; line[n] := Clean; end;')}
rule "device is done" phase = Device & (forall n: Line do written[n] end) ==> begin
  phase := ${invalidate ? 'Unmap' : 'Read'};
end;
${
  invalidate
    ? software(symmetric, 'unmap: DC IVAC', 'Unmap', 'line[n] := Absent; cached[n] := false;') +
      software(
        symmetric,
        'unmap: DC IVAC that writes back',
        'Unmap',
        'memory[n] := cached[n]; line[n] := Absent; cached[n] := false;',
        'line[n] = Dirty',
      )
    : ''
}
${software(
  symmetric,
  'CPU reads',
  'Read',
  'if line[n] = Absent then line[n] := Clean; cached[n] := memory[n]; end;\n    assert "the value is current" cached[n];',
)}
${symmetric ? nextPhase(['Map', 'Device'], ['Unmap', 'Read'], ['Read', 'Done']) : ''}
`;

  /** One step of the CPU on a line: the next one, or any one that is not done. */
  function software(any: boolean, name: string, phase: string, body: string, guard = 'true'): string {
    if (any)
      return `ruleset n: Line do
  rule "${name}" phase = ${phase} & !done[n] & ${guard} ==> begin
    ${body}
    done[n] := true;
  end;
end;
`;
    const after = { Map: 'Device', Unmap: 'Read', Read: 'Done' }[phase];
    return `ruleset n: Line do
  rule "${name}" phase = ${phase} & next = n & ${guard} ==> begin
    ${body}
    if n = ${lines - 1} then phase := ${after}; next := 0; else next := n + 1; end;
  end;
end;
`;
  }
}

/** Where the CPU takes lines in any order: on to the next phase once every line is done. */
function nextPhase(...steps: readonly (readonly [string, string])[]): string {
  return steps
    .map(
      ([from, to]) => `rule "${from} is done" phase = ${from} & (forall n: Line do done[n] end) ==> begin
  phase := ${to};
  for n: Line do done[n] := false; end;
end;
`,
    )
    .join('');
}
