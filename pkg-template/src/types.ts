// The words that the signatures of commands are written in.

/** The name of a key. Text is UTF-8. */
export type Key = string | number | bigint | Uint8Array | ArrayBuffer

/** A value to store. Numbers are stored as their decimal text. */
export type Value = string | number | bigint | Uint8Array | ArrayBuffer

/**
 * Options by their Redis names, in the order in which they are written: `{ EX: 60, NX: true }` is `EX 60 NX`,
 * `{ LIMIT: [0, 10] }` is `LIMIT 0 10`. What is `false` or `undefined` is left out.
 */
export interface OptionObject {
  readonly [name: string]: Value | boolean | undefined | readonly Value[]
}

/** What a command takes after its key: a word, a value, several of them, or options. */
export type Arg = Value | OptionObject | readonly Value[]

/** Fields and values, for HSET, MSET, XADD. */
export type Fields = { readonly [field: string]: Value }

/** What any command can answer. Maps are objects without a prototype; integers beyond 2^53 are `bigint`. */
export type Reply = string | number | bigint | boolean | null | ReplyErrorLike | Reply[] | { [field: string]: Reply } | Uint8Array

/** An error inside an array, as EXEC answers. */
export type ReplyErrorLike = Error & { readonly code: string }
