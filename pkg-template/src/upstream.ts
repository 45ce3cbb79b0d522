// The leader of a page's tabs at the other end of a WebSocket: the connection, when it is opened again, and what is told of it. What
// is said there is Rust's (src/replica/upstream.rs).
import type { Core } from './core.js'
import { ReplyError, StorageError } from './errors.js'
import type { Keeping, Standing } from './store.js'

/** How the leader is reached, and what becomes of changes while it is not. */
export interface LeaderOptions {
  /** Where `tabdis-server --ws-port` listens: `wss://example.com`; `ws://` on this machine only. */
  leader?: string
  /** What shows the leader on whose behalf this is; a function is asked before every connection. */
  token?: string | (() => string | Promise<string>)
  /** `refuse`, the default: changes fail while the leader cannot be reached. `queue`: they are done here, and by the leader later. */
  offline?: 'refuse' | 'queue'
  /** The WebSocket to use, where there is none of that name. */
  webSocket?: new (url: string) => WebSocket
}

/** How the leader is reached. */
export interface LeaderStatus {
  url: string
  /** `down`: no connection. `syncing`: what is missing here is on its way. `up`: everything is here. Of a tab that does not lead: `shared`. */
  link: 'down' | 'syncing' | 'up' | 'shared'
  /** Changes that the leader has yet to do, and commands that wait for its answer. */
  pending: number
  waiting: number
  /** Why it does not serve this page, if it does not. */
  error: string | null
}

/** A change that the leader has yet to do: a command, or several that go together. */
export interface PendingChange {
  commands: string[][]
}

/** A change that was done here, and that the leader would not do: it was taken back. */
export interface RefusedChange extends PendingChange {
  error: ReplyError
}

/** Who is told. */
export interface UpstreamEvents {
  leader(status: LeaderStatus): void
  refused(change: RefusedChange): void
}

interface UpstreamStanding {
  link: 'down' | 'syncing' | 'up'
  waiting: number
  pending: number
  refused?: string
  refusals: { commands: string[][]; error: string }[]
}

/** The first and the longest pause before it is tried again, and how long a connection may take to open (ms). */
const [FIRST_PAUSE, LONGEST_PAUSE, OPENING] = [250, 30_000, 10_000]

const encoder = new TextEncoder()

export class Upstream {
  private socket: WebSocket | undefined
  private timer: ReturnType<typeof setTimeout> | undefined
  private pause = FIRST_PAUSE
  private leads = false
  private told = ''
  private error: string | null = null
  private link: LeaderStatus['link'] = 'down'
  private readonly watchers = new Set<() => void>()
  private readonly listening = new AbortController()
  private readonly Socket: new (url: string) => WebSocket
  /** What follows when something has come: set by who keeps the database. */
  onturn: () => void = () => {}

  constructor(
    private readonly core: Core,
    private readonly url: string,
    private readonly options: LeaderOptions,
    private readonly events: UpstreamEvents,
  ) {
    const Socket = options.webSocket ?? globalThis.WebSocket
    if (!Socket) throw new TypeError("there is no WebSocket here: give one as 'webSocket', such as that of the package ws")
    this.Socket = Socket
    if (typeof addEventListener === 'function') addEventListener('online', () => this.hurry(), { signal: this.listening.signal })
  }

  /** To be called when the engine is one of several tabs. */
  attach(): void {
    this.core.turn(() => this.core.host.upstreamAttach(this.url, this.options.offline === 'queue', Date.now()))
  }

  status(): LeaderStatus {
    const standing = this.look()
    return { url: this.url, link: this.leads ? standing.link : 'shared', pending: standing.pending, waiting: standing.waiting, error: this.error }
  }

  pending(): PendingChange[] {
    const all = this.core.guard(() => this.core.host.upstreamPending()) as string[][][]
    return all.map((commands) => ({ commands }))
  }

  /** Resolves when everything that the leader has is here. */
  synced(): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (this.listening.signal.aborted) reject(new ReplyError('ERR the database was closed'))
        else if (this.status().link !== 'up' && this.leads) return
        else resolve()
        this.watchers.delete(look)
      }
      this.watchers.add(look)
      look()
    })
  }

  /** Does what follows from what was done here. `leads`: this tab has the connection. */
  turn(leads: boolean): void {
    if (this.leads !== leads) {
      this.leads = leads
      if (leads) this.connect()
      else this.drop()
    }
    if (!leads) return this.tell()
    const { host } = this.core
    for (let frame; (frame = this.core.guard(() => host.upstreamOut())) !== undefined; ) {
      if (this.socket?.readyState === 1) this.socket.send(frame as Uint8Array<ArrayBuffer>)
    }
    this.tell()
  }

  stop(): void {
    this.leads = false
    this.listening.abort()
    this.drop()
    for (const watcher of this.watchers) watcher()
  }

  private look(): UpstreamStanding {
    const standing = this.core.guard(() => this.core.host.upstreamStanding()) as UpstreamStanding
    for (const { commands, error } of standing.refusals) this.events.refused({ commands, error: new ReplyError(error) })
    if (standing.refused !== undefined) {
      this.error = standing.refused
      // It says goodbye itself, or does not understand a word.
      this.socket?.close()
    }
    return standing
  }

  private tell(): void {
    if (this.listening.signal.aborted) return
    const status = this.status()
    if (status.link === 'up' && this.link !== 'up') [this.pause, this.error, status.error] = [FIRST_PAUSE, null, null]
    this.link = status.link
    const { link, pending, error } = status
    const now = JSON.stringify([link, pending, error])
    if (now === this.told) return
    this.told = now
    this.events.leader(status)
    for (const watcher of this.watchers) watcher()
  }

  private async connect(): Promise<void> {
    clearTimeout(this.timer)
    if (!this.leads || this.socket) return
    const { Socket } = this
    let socket: WebSocket
    try {
      const { token = '' } = this.options
      const shown = encoder.encode(typeof token === 'function' ? await token() : token)
      // Somebody else may have been quicker while the token was fetched.
      if (!this.leads || this.socket) return
      socket = this.socket = new Socket(this.url)
      socket.binaryType = 'arraybuffer'
      socket.onopen = () => this.during(socket, () => this.core.host.upstreamOpen(shown, Date.now()))
    } catch (error) {
      this.error = error instanceof Error ? error.message : String(error)
      this.tell()
      return this.later()
    }
    const late = setTimeout(() => socket.readyState === 0 && socket.close(), OPENING)
    socket.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) this.during(socket, () => this.core.host.upstreamReceive(new Uint8Array(data), Date.now()))
    }
    socket.onerror = () => {}
    socket.onclose = () => {
      clearTimeout(late)
      if (this.socket !== socket) return
      this.during(socket, () => this.core.host.upstreamClosed(Date.now()))
      this.socket = undefined
      this.later()
    }
  }

  /** Something happens on a connection, if it is still the one. */
  private during(socket: WebSocket, f: () => void): void {
    if (this.socket !== socket || !this.leads) return
    this.core.turn(f)
    this.onturn()
  }

  private later(): void {
    if (!this.leads) return
    clearTimeout(this.timer)
    // Pages that have lost the same server do not come back all at once.
    this.timer = setTimeout(() => void this.connect(), this.pause * (0.5 + Math.random() / 2))
    ;(this.timer as { unref?: () => void }).unref?.()
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE)
  }

  /** There is a network again. */
  private hurry(): void {
    this.pause = FIRST_PAUSE
    if (this.leads) void this.connect()
  }

  private drop(): void {
    clearTimeout(this.timer)
    const { socket } = this
    this.socket = undefined
    if (!socket) return
    socket.close()
    try {
      this.core.guard(() => this.core.host.upstreamClosed(Date.now()))
    } catch {
      // The engine is at its end: it need not know.
    }
  }
}

/** The address of a leader. Throws a TypeError unless tokens are safe on the way there. */
export function leaderUrl(text: string): string {
  const url = new URL(text)
  const here = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  if (url.protocol !== 'wss:' && !(url.protocol === 'ws:' && here)) throw new TypeError("a leader's address begins with wss://, or on this machine with ws://")
  if (url.username || url.password || url.search || url.hash) throw new TypeError('an address is no place for credentials: they are given as token')
  return url.href
}

/** A database in memory that has a leader: no other tab has it, and nothing of it is kept here. */
export class Alone implements Keeping {
  readonly mode = 'memory'
  readonly torn = 0
  readonly waits = false
  private timer: ReturnType<typeof setTimeout> | undefined
  private closed = false

  constructor(
    private readonly core: Core,
    private readonly upstream: Upstream,
    readonly error: StorageError | null,
  ) {
    core.guard(() => core.host.joinTabs(name(), false, Date.now()))
    upstream.attach()
    upstream.onturn = () => this.run()
    core.turn(() => core.host.tabsLeadUnkept([], Date.now()))
    this.tick()
  }

  standing(): Standing {
    return { bytes: 0, offset: 0, stored: 0, readOnly: false }
  }

  run(): void {
    if (this.closed) return
    this.core.turn(() => this.core.host.tabsWork(Date.now()))
    this.tick()
  }

  compact(): void {}
  settings(): void {}
  async flush(): Promise<void> {}
  async own(): Promise<void> {}
  async close(): Promise<void> {
    this.stop()
  }

  stop(): void {
    this.closed = true
    clearTimeout(this.timer)
    this.upstream.stop()
  }

  private tick(): void {
    clearTimeout(this.timer)
    if (this.closed) return
    const next = this.core.turn(() => this.core.host.tabsTick(Date.now()))
    // There is nobody to tell.
    this.core.guard(() => this.core.host.tabsOut())
    this.upstream.turn(true)
    const ms = Math.min(Math.max(next - Date.now(), 1), 0x7fff_ffff)
    this.timer = setTimeout(() => this.tick(), ms)
    ;(this.timer as { unref?: () => void }).unref?.()
  }
}

/** A name that nobody else has. */
export function name(): string {
  const parts = crypto.getRandomValues(new Uint32Array(2))
  return Array.from(parts, (part) => part.toString(16).padStart(8, '0')).join('')
}
