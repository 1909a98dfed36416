/** Judging a real kernel trace. */

export type { Act, ActName } from './explain.ts';
export type { Finding } from './finding.ts';
export type { Example, Problem } from './findings.ts';
export type { Rule, Severity } from './judge.ts';
export type { Misuse, MisuseRule } from './misuse.ts';
export { describeOperation, type Operation } from './operation.ts';
export type { Architecture, OwnRam, Platform, ReplayDevice } from './platform.ts';
export { Replay, type ReplayOptions, XEN_EVENTS } from './replay.ts';
export { type ReplayResult, resultOf, type TrackResult, type Verdict } from './result.ts';
export { type Story, type StoryStep, tellStory } from './story.ts';
export type { Inconclusive, Track } from './track.ts';
