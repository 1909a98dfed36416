/** Words for messages. Depends on nothing. */
export { closest } from './suggest.ts';
