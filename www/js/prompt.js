// What a client's prompt shows: the selected database, an open transaction, subscriptions, MONITOR.

import { textOf } from './reply.js'

/** Follows one session through its commands and replies, as redis-cli does, and words its prompt. */
export class PromptState {
  db = 0
  resp = 2
  multi = false
  subscriptions = 0
  monitor = false
  /** Databases of the SELECTs queued in the open transaction, by their place in it. */
  queued = []

  /** Returns the prompt, e.g. `tabdis[3](TX)> `. */
  text(name = 'tabdis') {
    const db = this.db ? `[${this.db}]` : ''
    const state = this.multi ? '(TX)' : this.subscribed ? '(subscribed mode)' : ''
    return `${name}${db}${state}> `
  }

  /** True in RESP2 with a subscription: only (un)subscribing and PING work then. */
  get subscribed() {
    return this.subscriptions > 0 && this.resp === 2
  }

  /** Takes note of a command and its reply. */
  observe(args, reply) {
    const name = String(args[0]).toUpperCase()
    const failed = reply.type === 'error'
    if (this.multi && reply.type === 'simple' && textOf(reply.value) === 'QUEUED') {
      this.queued.push(name === 'SELECT' ? Number(args[1]) : null)
      return
    }
    if (name === 'EXEC' || name === 'DISCARD') this.#leaveMulti(name, reply)
    if (failed) return
    if (name === 'MULTI') this.multi = true
    if (name === 'SELECT') this.db = Number(args[1])
    if (name === 'HELLO' && args.length > 1) this.resp = Number(args[1])
    if (name === 'MONITOR') this.monitor = true
    if (name === 'RESET') Object.assign(this, new PromptState())
    this.observePush(reply)
  }

  /** Takes note of a (un)subscribe confirmation, whether it came as a reply or as a push. */
  observePush(reply) {
    const items = reply.value
    if ((reply.type !== 'array' && reply.type !== 'push') || items.length !== 3 || items[2].type !== 'integer') return
    if (/^[ps]?(un)?subscribe$/.test(textOf(items[0].value))) this.subscriptions = Number(items[2].value)
  }

  #leaveMulti(name, reply) {
    if (reply.type === 'error' && !textOf(reply.value).startsWith('EXECABORT')) return
    if (name === 'EXEC' && reply.type === 'array') {
      this.queued.forEach((db, i) => {
        if (db !== null && reply.value[i]?.type === 'simple') this.db = db
      })
    }
    this.multi = false
    this.queued = []
  }
}
