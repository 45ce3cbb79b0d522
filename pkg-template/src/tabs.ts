// The tabs of one database: who leads and writes what is stored, and what they say to one another. What follows from that is Rust's
// (src/replica); here are the channel, the locks, the clock, and what browsers do to pages.
import { breathe } from './breathe.js'
import type { Core } from './core.js'
import { ReplyError, StorageError } from './errors.js'
import { hasLocks, held, take, unlocked, type Held } from './locks.js'
import { Store, claim, damaged, keep, mark, marks, patient, storageError, type Keeping, type OnProgress, type Standing, type StoreEvents } from './store.js'
import { name, type Upstream } from './upstream.js'

/** What a tab is: the one that decides and writes; one that has the same data; one that has lost the leader, or not found it yet. */
export type Role = 'leader' | 'follower' | 'seeking'

/** How a tab stands among the others. */
export interface TabsStatus {
  role: Role
  /** The name of this tab, and of the one that leads. */
  name: string
  leader: string | null
  /** The other tabs that were heard. */
  others: string[]
  /** Bytes of changes since the beginning that it has. */
  offset: number
  /** Commands sent to the leader and not answered. */
  waiting: number
}

export interface TabsEvents extends Pick<StoreEvents, 'tell'> {
  role(status: TabsStatus): void
}

/** How a tab stands, as the engine says it. */
interface NodeStanding {
  role: Role
  leader: string | undefined
  offset: number
  waiting: number
}

/** How long a tab waits for the data of another one, and for the lead when it has to have it (ms). */
const [OPENING, LEADING] = [30_000, 10_000]
/** Without locks: how long a new tab listens whether somebody leads. */
const LISTENING = 250
/** How long the leader may take until what a follower has written is stored (ms). */
const STORING = 30_000
/** The pause before a tab that could not read what is stored tries to lead again (ms). */
const AGAIN = 2_000
/** Over how long tabs are scattered that want to lead at the same time (ms). */
const SCATTER = 40
/** How often others are told that what is stored is being loaded (ms). */
const BUSY = 200

export class Tabs implements Keeping {
  readonly mode = 'indexeddb'
  torn = 0
  /** What went wrong last, if it was not put right since. */
  error: StorageError | null = null
  private readonly id = name()
  private channel: BroadcastChannel | undefined
  /** This tab is alive; this tab leads. */
  private alive: Held | undefined
  private lead: Held | undefined
  /** Writes what is stored, while this tab leads. */
  private store: Store | undefined
  /** The writing of one that has stepped down. */
  private draining: Promise<void> | undefined
  /** The others, and how to stop waiting for their end. */
  private readonly others = new Map<string, AbortController>()
  /** The waiting for the lead. */
  private queued: AbortController | undefined
  private claiming = false
  private timer: ReturnType<typeof setTimeout> | undefined
  private known = -1
  private role: Role = 'seeking'
  private checking: Promise<void> | undefined
  /** It is noted outside of IndexedDB that something is stored. */
  private marked = false
  /** It has the data. */
  private opened = false
  /** The page is put aside. */
  private away = false
  /** What is told when there is somebody to hear it. */
  private missed: StorageError | undefined
  private closed = false
  private readonly listening = new AbortController()
  private readonly watchers = new Set<() => void>()

  private constructor(
    private readonly core: Core,
    private readonly session: number,
    private readonly name: string,
    private readonly events: TabsEvents,
    private readonly onProgress: OnProgress | undefined,
    private readonly upstream: Upstream | undefined,
  ) {
    if (upstream) upstream.onturn = () => this.tick()
  }

  /**
   * Makes this tab one of those that have the database `name`, and resolves when it has the data. Fails with a StorageError: NEWER when what is
   * stored cannot be read, UNAVAILABLE when there is no IndexedDB; where tabs cannot talk to one another, LOCKED while another one has it.
   */
  static async open(core: Core, session: number, name: string, strict: boolean, events: TabsEvents, onProgress?: OnProgress, upstream?: Upstream): Promise<Tabs> {
    const tabs = new Tabs(core, session, name, events, onProgress, upstream)
    try {
      await core.guardAsync(() => core.host.openPlace(name, strict, () => tabs.store?.doubt(), undefined))
      core.guard(() => core.host.joinTabs(tabs.id, strict, Date.now()))
      upstream?.attach()
      tabs.follow()
      await tabs.join()
      await tabs.until(() => tabs.role !== 'seeking', OPENING, `no tab that has '${name}' answers`)
      setTimeout(() => tabs.missed && tabs.tell(tabs.missed), 0)
      return tabs
    } catch (error) {
      tabs.stop()
      throw storageError(error)
    }
  }

  /** How this tab stands. */
  status(): TabsStatus {
    const { role, leader, offset, waiting } = this.look()
    return { role: role === 'leader' ? role : this.role, name: this.id, leader: leader ?? null, others: [...this.others.keys()], offset, waiting }
  }

  standing(): Standing {
    if (this.store) return this.store.standing()
    const { offset, waiting } = this.look()
    return { bytes: 0, offset: offset + waiting, stored: offset, readOnly: false }
  }

  get waits(): boolean {
    return this.store !== undefined && this.core.guard(() => this.core.host.storeStrict())
  }

  settings(): void {
    this.core.guard(() => this.core.host.tabsStrict(this.core.host.storeStrict()))
  }

  run(): void {
    if (this.closed) return
    this.work()
    this.store?.run()
  }

  compact(): void {
    this.store?.compact()
  }

  /** Resolves when everything this tab has written so far is stored, by whoever writes. */
  async flush(): Promise<void> {
    for (;;) {
      const { store } = this
      if (this.role === 'leader') {
        if (!store) throw this.error ?? new StorageError('FAILED', 'nothing is stored')
        try {
          return await store.flush()
        } catch (error) {
          if (this.store === store) throw error
          continue
        }
      }
      this.core.turn(() => this.core.host.tabsFlush(this.session, Date.now()))
      const late = new Promise<never>((_, reject) => setTimeout(() => reject(new StorageError('FAILED', 'the tab that leads has not stored it in time')), STORING))
      await Promise.race([this.core.wait(false), late])
      return
    }
  }

  /** Has this tab lead. */
  async own(): Promise<void> {
    // Whoever was a moment quicker is asked again.
    for (let n = 0; this.role !== 'leader' && !this.lead && n < 10; n++) await this.steal()
    await this.until(() => this.role === 'leader', LEADING, 'another tab leads')
    if (this.upstream) throw new ReplyError('READONLY the data of a database with a leader comes from there')
    if (this.store?.standing().readOnly) throw this.error ?? new StorageError('LOCKED', 'nothing is written any more')
  }

  async close(): Promise<void> {
    try {
      await this.flush()
    } finally {
      await this.leave()
      this.stop()
    }
  }

  stop(): void {
    if (this.closed) return
    this.closed = true
    this.listening.abort()
    this.upstream?.stop()
    this.store?.stop()
    this.store = undefined
    this.part()
    for (const watcher of this.watchers) watcher()
  }

  /** Others may lead by now: makes sure that this one still does before anything it answers counts. */
  verify(): void {
    if (this.checking || this.role !== 'leader') return
    const checking = this.check().finally(() => {
      if (this.checking === checking) this.checking = this.core.doubt = undefined
    })
    // Who waits for it is told; nobody need.
    checking.catch(() => {})
    this.checking = this.core.doubt = checking
  }

  private async check(): Promise<void> {
    const { lead } = this
    const ours = await this.isOurs()
    if (ours && this.lead === lead) return
    if (this.lead === lead) this.depose()
    throw new ReplyError('READONLY this tab was put aside, and another one leads since: the change was not kept; send it again')
  }

  private async isOurs(): Promise<boolean> {
    if (!hasLocks()) return !this.store || this.core.guardAsync(() => this.core.host.isClaimed()).catch(() => true)
    const locks = await held(this.lock())
    return locks.get(this.lock()) === locks.get(this.lock(this.id))
  }

  private lock(tab?: string): string {
    return tab === undefined ? `tabdis:${this.name}` : `tabdis:${this.name}:tab:${tab}`
  }

  /** Comes to the others. The first one leads. */
  private async join(): Promise<void> {
    await this.draining
    if (typeof BroadcastChannel === 'undefined') {
      const lead = await patient(this.name)
      this.missed = new StorageError('UNAVAILABLE', 'tabs cannot talk to one another here: only one at a time can have the database')
      return this.claim(lead)
    }
    if (hasLocks()) {
      this.alive = await take(this.lock(this.id), {})
      if (this.gone) return this.alive?.release()
    }
    this.channel = new BroadcastChannel(`tabdis:${this.name}`)
    this.channel.onmessage = ({ data }) => this.receive(data)
    this.channel.onmessageerror = () => {}
    if (hasLocks()) {
      const lead = await take(this.lock(), { ifAvailable: true })
      if (this.gone) return lead?.release()
      if (lead) return this.claim(lead)
      void this.queue()
    }
    this.tick()
    if (hasLocks()) return
    await this.until(() => this.role !== 'seeking', LISTENING, '').catch(() => this.steal())
  }

  private get gone(): boolean {
    return this.away || this.closed
  }

  /** Waits for the lead. */
  private async queue(): Promise<void> {
    if (!hasLocks() || !this.channel || this.queued) return
    const queued = (this.queued = new AbortController())
    try {
      const lead = await take(this.lock(), { signal: queued.signal })
      if (this.queued === queued) this.queued = undefined
      if (queued.signal.aborted || this.gone) return lead!.release()
      await this.claim(lead!)
    } catch (error) {
      if (!queued.signal.aborted) this.tell(storageError(error))
    }
  }

  /** Takes the lead from a tab that does not answer. */
  private async steal(): Promise<void> {
    if (this.gone || this.claiming || this.lead || !this.channel) return
    this.claiming = true
    try {
      if (await this.isTaken()) return
      this.queued?.abort()
      this.queued = undefined
      const lead = hasLocks() ? await take(this.lock(), { steal: true }) : unlocked()
      this.claiming = false
      if (this.gone) return lead!.release()
      await this.claim(lead!)
    } catch (error) {
      this.tell(storageError(error))
    } finally {
      this.claiming = false
    }
  }

  /** Whether another tab has already taken the lead from the one that led: all notice at the same time that it does not answer. */
  private async isTaken(): Promise<boolean> {
    const { leader } = this.look()
    await new Promise((resolve) => setTimeout(resolve, Math.random() * SCATTER))
    if (this.gone || this.lead) return true
    const locks = await held(this.lock())
    const [holder, led] = [locks.get(this.lock()), leader && locks.get(this.lock(leader))]
    return holder !== undefined && led !== undefined && holder !== led
  }

  /** Takes over what is stored, finds out how far the others are, and leads. */
  private async claim(lead: Held): Promise<void> {
    const first = !this.opened
    this.lead = lead
    this.claiming = true
    void lead.lost.then(() => this.lead === lead && this.depose())
    const busy = () => this.post(this.core.guard(() => this.core.host.tabsBusy()))
    const every = setInterval(busy, BUSY)
    const others = await this.alone()
    try {
      await this.draining
      const report = await claim(this.core, others, first ? this.onProgress : undefined)
      if (this.lead !== lead || this.gone) return this.core.guard(() => this.core.host.tabsStepDown(false, Date.now()))
      const store = (this.store = new Store(this.core, 'indexeddb', report.torn, {
        tell: (error) => this.tell(error),
        stepped: (stored) => this.stepped(stored),
        lost: () => this.store === store && this.depose(),
      }))
      this.opened = true
      if (first) this.torn = report.torn
      if (report.damage) store.fail(damaged(report.damage, `rescue('${this.name}') gives you the stored bytes`))
      else if (report.fresh && first && marks()?.getItem(mark(this.name))) {
        this.missed = new StorageError('GONE', `what was stored under '${this.name}' is gone: the browser, or somebody, has removed it`)
      }
      this.tick()
      store.run()
    } catch (error) {
      this.refuse(storageError(error), lead, first, others)
    } finally {
      this.claiming = false
      clearInterval(every)
    }
  }

  /** What is stored cannot be taken over. */
  private refuse(error: StorageError, lead: Held, first: boolean, others: string[]): void {
    if (this.lead !== lead) return
    if (first) {
      this.release()
      throw error
    }
    this.tell(error)
    if (error.code === 'GONE') {
      // Nothing is made in its place; what is here goes on.
      this.core.guard(() => this.core.host.tabsLeadUnkept(others, Date.now()))
      return this.tick()
    }
    // Another tab may be able to.
    this.release()
    setTimeout(() => void this.queue(), AGAIN)
  }

  /** The other tabs there are. */
  private async alone(): Promise<string[]> {
    if (!hasLocks()) return [...this.others.keys()]
    const prefix = this.lock('')
    const names = [...(await held(prefix)).keys()].map((name) => name.slice(prefix.length))
    return names.filter((name) => name !== this.id)
  }

  private stepped(stored: boolean): void {
    if (stored && !this.marked && this.look().offset > 0) {
      this.marked = true
      keep(mark(this.name))
    }
    this.turn()
  }

  /** Another tab leads: this one follows. What is not stored is what others have, or lost. */
  private depose(): void {
    if (this.closed) return
    const { store } = this
    this.store = this.lead = undefined
    this.core.guard(() => this.core.host.tabsStepDown(false, Date.now()))
    store?.stop(new StorageError('LOCKED', 'another tab leads'))
    if (this.gone) return
    this.tick()
    void this.queue()
  }

  private release(): void {
    this.lead?.release()
    this.lead = undefined
  }

  /** Gives everything up when the page is put aside, so that other tabs need not wait for it and the page may be kept for the way back. */
  private follow(): void {
    if (typeof document === 'undefined') return
    const { signal } = this.listening
    addEventListener('pagehide', () => void this.leave(), { signal })
    addEventListener('pageshow', () => this.comeBack(), { signal })
    document.addEventListener('freeze', () => void this.leave(), { signal })
    document.addEventListener('resume', () => this.comeBack(), { signal })
    const visible = () => document.visibilityState !== 'hidden'
    this.core.guard(() => this.core.host.tabsVisible(visible()))
    const look = () => {
      this.core.guard(() => this.core.host.tabsVisible(visible()))
      this.tick()
      // It may be the last thing this page hears: what failed is tried now, not in a while.
      if (!visible()) this.store?.hurry()
    }
    document.addEventListener('visibilitychange', look, { signal })
  }

  /** Leads no more and leaves the others, when what was changed is written. */
  private async leave(): Promise<void> {
    if (this.gone) return
    this.away = true
    const { store } = this
    this.store = undefined
    store?.hurry()
    this.core.guard(() => this.core.host.tabsStepDown(true, Date.now()))
    this.core.guard(() => this.core.host.tabsLeave())
    this.turn()
    this.part()
    // Nobody else can tell what became of it.
    const draining = (store?.drain() ?? Promise.resolve()).then(() => {
      store?.stop()
      if (this.draining !== draining) return
      this.draining = undefined
      this.core.guard(() => this.core.host.dropStore())
      if (this.gone) this.core.guard(() => this.core.host.closePlace())
    })
    this.draining = draining
    await draining
  }

  /** Is nobody's any more. */
  private part(): void {
    clearTimeout(this.timer)
    this.queued?.abort()
    this.queued = undefined
    this.release()
    this.alive?.release()
    this.alive = undefined
    this.channel?.close()
    this.channel = undefined
    for (const watch of this.others.values()) watch.abort()
    this.others.clear()
  }

  private comeBack(): void {
    if (!this.away || this.closed) return
    this.away = false
    this.join().catch((error: unknown) => this.tell(storageError(error)))
  }

  private receive(data: unknown): void {
    if (!Array.isArray(data) || typeof data[0] !== 'string' || !(data[1] instanceof Uint8Array) || this.gone) return
    const [from, bytes] = data as [string, Uint8Array]
    if (!this.others.has(from)) this.watch(from)
    this.core.turn(() => this.core.host.tabsReceive(bytes, Date.now()))
    this.tick()
  }

  /** Waits for the end of another tab. */
  private watch(tab: string): void {
    const watch = new AbortController()
    this.others.set(tab, watch)
    if (!hasLocks()) return
    take(this.lock(tab), { signal: watch.signal, mode: 'shared' }).then(
      (end) => {
        end?.release()
        if (this.others.get(tab) !== watch) return
        this.others.delete(tab)
        this.core.turn(() => this.core.host.tabsGone(tab, Date.now()))
        this.tick()
      },
      () => {},
    )
  }

  /** Does what follows from what was done here. */
  private work(): void {
    if (this.role !== 'leader') return this.tick()
    this.core.turn(() => this.core.host.tabsWork(Date.now()))
    this.turn()
  }

  /** Does what time brings, now and again when it brings something. */
  private tick(): void {
    clearTimeout(this.timer)
    if (this.gone) return
    const next = this.core.turn(() => this.core.host.tabsTick(Date.now()))
    this.turn()
    const ms = next - Date.now()
    if (ms > 0) this.timer = setTimeout(() => this.tick(), Math.min(ms, 0x7fff_ffff))
    else void breathe().then(() => this.tick())
  }

  /** Says what there is to say, and sees what has become of this tab. */
  private turn(): void {
    const { host } = this.core
    const role = this.core.guard(() => host.tabsRole())
    this.post(this.core.guard(() => host.tabsOut()), role % 4 === 2)
    this.core.shared = role % 4 === 2 && this.others.size > 0
    this.upstream?.turn(role % 4 === 2)
    if (this.core.guard(() => host.tabsSteal())) void this.steal()
    const version = this.core.guard(() => host.tabsVersion())
    if (version !== undefined) this.tell(new StorageError('NEWER', `a tab has another version of tabdis (its messages are of version ${version}): reload the older one`))
    if (role === this.known) return
    this.known = role
    this.role = (['seeking', 'follower', 'leader'] as const)[role % 4]!
    this.opened ||= this.role !== 'seeking'
    this.events.role(this.status())
    for (const watcher of this.watchers) watcher()
  }

  /** Sends to all. A leader that knows of nobody need not. */
  private post(bytes: Uint8Array | undefined, leads = false): void {
    if (bytes && (!leads || this.others.size > 0 || !hasLocks())) this.channel?.postMessage([this.id, bytes])
  }

  private look(): NodeStanding {
    return this.core.guard(() => this.core.host.tabsStanding()) as NodeStanding
  }

  private tell(error: StorageError | null): void {
    this.error = error
    this.events.tell(error)
  }

  /** Resolves when something is so; fails when it is not in time. */
  private until(is: () => boolean, ms: number, message: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (error?: StorageError) => {
        clearTimeout(timer)
        this.watchers.delete(look)
        if (error) reject(error)
        else resolve()
      }
      const look = () => {
        if (is()) end()
        else if (this.closed) end(this.error ?? new StorageError('FAILED', 'the database was closed'))
      }
      const timer = setTimeout(() => end(new StorageError('LOCKED', message)), ms)
      this.watchers.add(look)
      look()
    })
  }
}
