// `tabdis/ioredis`: the real ioredis, connected to a database in the same process. In place of ioredis-mock:
// `vi.mock('ioredis', () => import('tabdis/ioredis'))`.
import { Duplex } from 'node:stream'
// Not the package's door: where that is replaced by this module, it would be replaced here too.
import redisModule from 'ioredis/built/Redis.js'
import commandModule from 'ioredis/built/Command.js'
import type { Command as CommandType, Redis as RedisType, RedisOptions } from 'ioredis'
import { open, type Db, type OpenOptions } from './db.js'
import { ReplyError } from './errors.js'
import { Pipe } from './pipe.js'

/** A default export of CommonJS comes as such, or within what it was put into. */
const within = <T>(module: unknown): T => ((module as { default?: T }).default ?? module) as T
const IORedis = within<typeof RedisType>(redisModule)
const Command = within<typeof CommandType>(commandModule)

type Values = Record<string, unknown>

/** Options of ioredis, and of what it is connected to. */
export interface Options extends RedisOptions {
  /** The database, or how one is opened; without, clients of the same host and port share one in memory. */
  tabdis?: Db | OpenOptions
  /** What is there at the beginning, as in ioredis-mock: strings, arrays (lists), Sets, Maps and objects (hashes). */
  data?: Values
}

/** One database for each host and port, as servers would be. */
const servers = new Map<string, Promise<Db>>()

/** A connection as ioredis sees it. */
class Stream extends Duplex {
  private readonly wire: Pipe
  private waiting: (() => void) | undefined

  constructor(db: Db) {
    super()
    this.wire = new Pipe(db, 'ioredis', {
      // Not within the write: ioredis takes note of a command when it is written.
      data: (bytes) => {
        queueMicrotask(() => this.push(bytes))
        return true
      },
      end: () => queueMicrotask(() => this.push(null)),
      drain: () => this.more(),
    })
  }

  override _read(): void {}

  override _write(bytes: Uint8Array, _encoding: string, done: () => void): void {
    if (this.wire.write(bytes)) done()
    else this.waiting = done
  }

  override _final(done: () => void): void {
    this.wire.close()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.wire.close()
    done(error)
  }

  private more(): void {
    const { waiting } = this
    this.waiting = undefined
    waiting?.()
  }

  // What ioredis asks of sockets.
  setNoDelay(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
  setTimeout(): this {
    return this
  }
}

/** Returns a Connector for ioredis that connects to what `find` returns. */
function connector(find: () => Promise<Db>) {
  return class {
    private stream: Stream | undefined
    firstError: Error | undefined

    check(): boolean {
      return true
    }

    disconnect(): void {
      this.stream?.destroy()
    }

    async connect(): Promise<Stream> {
      const stream = new Stream(await find())
      this.stream = stream
      return stream
    }
  }
}

/** Returns a Connector for ioredis: `new Redis({ Connector: connectorOf(db) })`. */
export function connectorOf(db: Db | Promise<Db>): NonNullable<RedisOptions['Connector']> {
  return connector(async () => db) as unknown as NonNullable<RedisOptions['Connector']>
}

async function seed(db: Db, data: Values, prefix: string): Promise<void> {
  for (const [name, value] of Object.entries(data)) {
    const key = prefix + name
    const text = (value: unknown) => (value instanceof Uint8Array || typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value))
    if (value instanceof Set) await db.call('SADD', key, ...[...value].map(text))
    else if (value instanceof Map) await db.call('HSET', key, ...[...value].flat().map(text))
    else if (Array.isArray(value)) await db.call('RPUSH', key, ...value.map(text))
    else if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) await db.call('HSET', key, ...Object.entries(value).flat().map(text))
    else await db.call('SET', key, text(value))
  }
}

/** What the arguments of ioredis's constructor come to. */
function optionsOf(args: unknown[]): Options {
  const options: Options = {}
  for (const arg of args) {
    if (typeof arg === 'object' && arg !== null) Object.assign(options, arg)
    else if (typeof arg === 'number') options.port = arg
    else if (typeof arg === 'string' && /^\d+$/.test(arg)) options.port = Number(arg)
    else if (typeof arg === 'string' && arg.includes('://')) Object.assign(options, fromUrl(arg))
    else if (typeof arg === 'string') options.host = arg
  }
  return options
}

function fromUrl(text: string): Options {
  const url = new URL(text)
  const db = Number(url.pathname.slice(1) || url.searchParams.get('db') || 0)
  return { host: url.hostname || 'localhost', ...(url.port && { port: Number(url.port) }), ...(db > 0 && { db }) }
}

/** ioredis, connected to a database in this process. */
class Redis extends IORedis {
  constructor(...args: unknown[]) {
    const { tabdis, data, ...options } = optionsOf(args)
    const place = `${options.host ?? 'localhost'}:${options.port ?? 6379}`
    let found: Promise<Db> | undefined
    const find = (): Promise<Db> => {
      if (!found) {
        const given = tabdis && 'pipeline' in tabdis ? Promise.resolve(tabdis as Db) : undefined
        found = given ?? servers.get(place) ?? open((tabdis as OpenOptions | undefined) ?? {})
        if (!given) servers.set(place, found)
        if (data) {
          const filled = found
          found = filled.then(async (db) => {
            await seed(db, data, options.keyPrefix ?? '')
            return db
          })
        }
      }
      return found
    }
    super({ ...options, Connector: connector(find) } as unknown as RedisOptions)
    // A copy connects to the same database, wherever that came from.
    this.again = { ...options, Connector: connector(find) } as unknown as RedisOptions
  }

  private readonly again: RedisOptions

  override duplicate(override?: Partial<RedisOptions>): RedisType {
    return new IORedis({ ...this.again, ...override })
  }
}

/** There are no clusters in one process: this says so, instead of half being one. */
class Cluster {
  constructor() {
    throw new Error('tabdis/ioredis has no Cluster: use Redis')
  }
}

/** Ends all databases that were opened for hosts and ports: what a test suite does between tests that shall know nothing of each other. */
export async function closeAll(): Promise<void> {
  const open = [...servers.values()]
  servers.clear()
  for (const db of open) await (await db).close()
}

export { Redis, Cluster, Command, ReplyError }
export default Redis
