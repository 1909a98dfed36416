/** Words for messages. Depends on nothing. */
export { InputError, type InputErrorDetails } from './input-error.ts';
export { closest } from './suggest.ts';
