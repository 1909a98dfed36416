import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Stack } from './stack.ts';

const STEPS = ['push', 'push', 'push', 'pop', 'keep', 'dropOldest', 'clear'] as const;

it('is an array, whatever is done to it', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...STEPS), { maxLength: 60 }), (steps) => {
      const stack = new Stack<number>();
      let array: number[] = [];
      steps.forEach((step, i) => {
        if (step === 'push') {
          stack.push(i);
          array.push(i);
        } else if (step === 'pop') expect(stack.pop()).toBe(array.pop());
        else if (step === 'keep') {
          stack.keep((item) => item % 3 > 0);
          array = array.filter((item) => item % 3 > 0);
        } else if (step === 'dropOldest') {
          stack.dropOldest();
          array.shift();
        } else {
          stack.clear();
          array = [];
        }
        expect([stack.length, stack.last, stack.all()]).toEqual([array.length, array.at(-1), array]);
      });
    }),
  );
});
