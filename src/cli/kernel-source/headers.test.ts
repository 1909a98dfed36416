import { expect, it } from 'vitest';
import { dependenciesOf } from './headers.ts';

it('reads the files of a rule, of several, and of one over several lines', () => {
  expect(dependenciesOf('mm.o: a.c \\\n b.h c.h\nentry.o: d.c\n')).toEqual(['a.c', 'b.h', 'c.h', 'd.c']);
});

it('reads names with blanks in them', () => {
  expect(dependenciesOf('mm.o: my\\ tree/a.c b.h\n')).toEqual(['my tree/a.c', 'b.h']);
});

it('reads a rule without files', () => {
  expect(dependenciesOf('mm.o:\n')).toEqual([]);
});
