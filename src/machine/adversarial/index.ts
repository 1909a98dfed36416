/** The machine as bad as it can be: it tells what may happen, and how. */
export { shortestExecution } from '../history.ts';
export { AdversarialMachine, type AdversarialOptions } from './adversarial.ts';
