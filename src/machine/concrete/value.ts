/** Serial number of a store. */
export type Value = number;
