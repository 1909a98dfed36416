/** What a model checker's language cannot say of this scenario, or what would be too much of it. */

/** Nothing is exported; the message is the reason, in one sentence without its end. */
export class CannotExport extends Error {}
