// `tabdis/server`: a database on a port, for any client in any language. Only in Node.
import { createServer as createNetServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net'
import { open, type Db, type OpenOptions } from './db.js'
import { Pipe } from './pipe.js'

export interface ServerOptions extends OpenOptions {
  /** Connections at once: 10,000. */
  maxClients?: number
}

/** A database that listens. */
export class Server {
  private readonly net: NetServer
  private readonly sockets = new Set<Socket>()

  /** @internal */
  constructor(
    /** The database behind it. */
    readonly db: Db,
    private readonly ours: boolean,
    maxClients: number,
  ) {
    this.net = createNetServer({ noDelay: true }, (socket) => this.welcome(socket))
    this.net.maxConnections = maxClients
  }

  /** Listens on a port (0 for any that is free, on this machine only unless a host is named) or on the path of a unix socket. */
  listen(port: number | string = 6379, host = '127.0.0.1'): Promise<this> {
    return new Promise((resolve, reject) => {
      this.net.once('error', reject)
      const listening = () => {
        this.net.removeListener('error', reject)
        resolve(this)
      }
      if (typeof port === 'string') this.net.listen(port, listening)
      else this.net.listen(port, host, listening)
    })
  }

  /** Where it listens: a path, or a port and an address. Null before it does. */
  address(): AddressInfo | string | null {
    return this.net.address()
  }

  /** What clients take as an address: `redis://127.0.0.1:6379`. */
  get url(): string {
    const address = this.address()
    if (address === null) throw new Error('it does not listen')
    if (typeof address === 'string') return `unix://${address}`
    const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
    return `redis://${host}:${address.port}`
  }

  /** Ends all connections, and the database, if it was opened for this. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.net.close(() => resolve()))
    for (const socket of this.sockets) socket.destroy()
    await closed
    if (this.ours) await this.db.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private welcome(socket: Socket): void {
    this.sockets.add(socket)
    const name = socket.remoteAddress ? `${socket.remoteAddress}:${socket.remotePort}` : `${String(this.address())}:0`
    const pipe = new Pipe(this.db, name, {
      // For who does not read its replies nothing more is run, so that they do not pile up.
      data: (bytes) => socket.write(bytes),
      end: () => socket.end(),
      drain: () => void socket.resume(),
    })
    socket.on('data', (bytes) => pipe.write(bytes) || socket.pause())
    socket.on('drain', () => pipe.resume())
    // What goes wrong on a connection ends it; `close` follows.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.sockets.delete(socket)
      pipe.close()
    })
  }
}

/** Puts a database on a port: one that is open, or, with options or nothing, a new one in memory that ends with the server. */
export async function createServer(db?: Db | ServerOptions): Promise<Server> {
  const is = (db: Db | ServerOptions | undefined): db is Db => db !== undefined && 'pipeline' in db
  const { maxClients = 10_000 } = is(db) ? {} : (db ?? {})
  return new Server(is(db) ? db : await open(db ?? {}), !is(db), maxClients)
}
