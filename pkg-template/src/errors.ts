// What can go wrong, as classes.

/** Redis answered with an error. `code` is its first word: `ERR`, `WRONGTYPE`, `OOM`… */
export class ReplyError extends Error {
  override readonly name: string = 'ReplyError'
  readonly code: string

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = /^[A-Z0-9_]+(?= |$)/.exec(message)?.[0] ?? 'ERR'
  }
}

/** Some commands of a pipeline or transaction failed; the others have run. `replies` holds all, errors in their places. */
export class MultiError extends ReplyError {
  override readonly name = 'MultiError'

  constructor(
    first: ReplyError,
    readonly replies: readonly unknown[],
  ) {
    super(first.message, { cause: first })
  }
}

/** The engine trapped or was closed: nothing more can be asked of it. Open the database again. */
export class EngineDead extends Error {
  override readonly name = 'EngineDead'
  readonly code = 'DEAD'
}

/** What is wrong with an RDB file. */
export type RdbCode =
  /** It is none. */
  | 'FORMAT'
  /** Its version is not known. */
  | 'VERSION'
  /** It ends too early. */
  | 'TRUNCATED'
  | 'CHECKSUM'
  /** It holds data of a module that is not there. */
  | 'MODULE'
  | 'CORRUPT'
  /** Another file is being imported. */
  | 'BUSY'
  /** All data was replaced while it was exported. */
  | 'INTERRUPTED'

/** An RDB file was not read or not written. The data is what it was. */
export class RdbError extends Error {
  override readonly name = 'RdbError'

  constructor(
    readonly code: RdbCode,
    message: string,
  ) {
    super(message)
  }
}

/** Why storage did not do what it was asked. */
export type StorageCode =
  /** There is no IndexedDB here, or it is forbidden; in Node, nothing can be written there. */
  | 'UNAVAILABLE'
  /** There is no room. */
  | 'QUOTA'
  /** Another tab or process has the database. */
  | 'LOCKED'
  /** What is stored is not what was written. */
  | 'DAMAGED'
  /** A later version wrote it. */
  | 'NEWER'
  /** The connection was closed, or the database removed. */
  | 'GONE'
  | 'FAILED'

/** Data could not be read from, or written to, where it is kept. */
export class StorageError extends Error {
  override readonly name = 'StorageError'

  constructor(
    readonly code: StorageCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}
