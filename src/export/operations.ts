/** What agents do to the machine, as it is written down for export. Ranges are machine bytes, half open. */
import type { MachineAddr } from '../address/index.ts';
import type { Initial } from '../machine/index.ts';

export type ByteSpan = readonly [from: MachineAddr, to: MachineAddr];
/** What an instruction does to the line it is executed on. */
export type LineEffect = 'clean' | 'invalidate' | 'clean+invalidate';

export type Operation =
  | { readonly do: 'cpu-read' | 'cpu-write'; readonly cacheable: boolean; readonly span: ByteSpan }
  | {
      readonly do: 'copy';
      readonly cacheable: boolean;
      readonly span: ByteSpan;
      readonly target: MachineAddr;
    }
  | {
      readonly do: 'device-read' | 'device-write';
      readonly port: string;
      readonly snoops: boolean;
      readonly span: ByteSpan;
    }
  | {
      readonly do: 'open';
      readonly window: string;
      readonly port: string;
      readonly snoops: boolean;
      readonly reads: boolean;
      readonly writes: boolean;
      readonly span: ByteSpan;
    }
  | { readonly do: 'close'; readonly window: string; readonly span: ByteSpan }
  | {
      readonly do: 'maintain';
      /** On lines that the range covers whole, and on those that it covers in part. */
      readonly whole: LineEffect;
      readonly partial: LineEffect;
      readonly span: ByteSpan;
      /** Bytes from one instruction to the next; undefined: a line. */
      readonly stride: number | undefined;
      /** Bytes whose value is of no use to anybody. */
      readonly spare: ByteSpan | undefined;
    }
  | { readonly do: 'invalidate-all' }
  | { readonly do: 'barrier' }
  | { readonly do: 'begin'; readonly initial: Initial; readonly span: ByteSpan }
  | { readonly do: 'new-owner'; readonly span: ByteSpan };

/** How agents wait for one another. */
export interface Synchronisation {
  readonly do: 'signal' | 'wait' | 'lock' | 'unlock';
  readonly name: string;
}

/** Something that went wrong without any cache. */
export interface Failure {
  readonly rule: 'wrong-frame' | 'fault';
  readonly what: string;
}

/** What others see whole or not at all; the hardware may come between its operations. */
export interface Action {
  /** Index of the agent's step. */
  readonly step: number;
  readonly operations: readonly Operation[];
  readonly failures: readonly Failure[];
  readonly synchronisation: Synchronisation | undefined;
}
