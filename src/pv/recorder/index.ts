/** A run as a trace. Apart from the rest: few runs are recorded, and the words of traces are a room of their own. */
export { TraceRecorder } from './recorder.ts';
