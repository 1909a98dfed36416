/** Reports of scenarios that were checked: for people, as JSON, and counterexamples as text, picture and trace. */
export { counterexample } from './counterexample.ts';
export { checkJson, describeCopy } from './json.ts';
export { counterexampleTrace, type TraceDocument, type TraceEvent } from './perfetto.ts';
export { counterexampleSvg } from './svg.ts';
export { type CheckContext, checkReport } from './terminal.ts';
