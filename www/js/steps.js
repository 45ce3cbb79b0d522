// First steps: runnable examples by topic, typed into the terminal at a click.

import { $, el } from './dom.js'

/** Each step is a command for the client in front, or with `other` for another client. */
export const TOPICS = [
  { id: 'strings', steps: ['SET greeting "hello, tab"', 'INCR visits', 'SET session:42 ada EX 60', 'TTL session:42'] },
  { id: 'list', steps: ['RPUSH jobs resize:1 mail:7 resize:2', 'LPOP jobs', 'LMOVE jobs working LEFT RIGHT', 'LRANGE jobs 0 -1'] },
  { id: 'zset', steps: ['ZADD game 310 ada 275 alan 420 grace', 'ZINCRBY game 150 alan', 'ZRANGE game 0 -1 REV WITHSCORES', 'ZREVRANK game ada'] },
  { id: 'hash', steps: ['HSET user:1 name Ada city London visits 1', 'HINCRBY user:1 visits 1', 'HMGET user:1 name visits', 'HGETALL user:1'] },
  { id: 'stream', steps: ['XADD clicks * page /home', 'XADD clicks * page /buy item 7', 'XRANGE clicks - +'] },
  { id: 'pubsub', steps: ['SUBSCRIBE news', { run: 'PUBLISH news "hello from another client"', other: true }, 'UNSUBSCRIBE news'] },
  { id: 'tx', steps: ['MULTI', 'DECRBY account:ada 30', 'INCRBY account:alan 30', 'EXEC'] },
]

/** Draws the topics and runs steps in `terminal`. */
export class Steps {
  #topics
  #topic
  #done = new Set()
  #running = false

  constructor({ terminal, words, book }) {
    Object.assign(this, { terminal, words })
    // What this build of the engine cannot run is not offered.
    this.#topics = TOPICS.filter(({ steps }) => steps.every((step) => book.find([(step.run ?? step).split(' ')[0]])))
    this.#topic = this.#topics[0] ?? TOPICS[0]
    words.watch(() => this.#draw())
  }

  #draw() {
    const { t } = this.words
    const focused = document.activeElement?.dataset?.step
    $('topics').replaceChildren(
      ...this.#topics.map((topic) => {
        const button = el('button', { type: 'button', 'aria-pressed': String(topic === this.#topic), textContent: t(`steps.${topic.id}`) })
        button.addEventListener('click', () => this.#choose(topic, button))
        return button
      }),
    )
    $('steps').replaceChildren(...this.#topic.steps.map((step, i) => this.#step(step, i)))
    if (focused) document.querySelector(`[data-step="${focused}"]`)?.focus()
  }

  #choose(topic) {
    this.#topic = topic
    const at = this.#topics.indexOf(topic)
    this.#draw()
    $('topics').children[at].focus()
  }

  #step(step, i) {
    const { t } = this.words
    const id = `${this.#topic.id}.${i + 1}`
    const { run, other } = typeof step === 'string' ? { run: step } : step
    const note = t(`steps.${id}`)
    const next = this.#topic.steps.findIndex((_, n) => !this.#done.has(`${this.#topic.id}.${n + 1}`))
    const button = el(
      'button',
      { type: 'button', class: [this.#done.has(id) ? 'done' : '', i === next ? 'next' : ''].join(' ').trim(), 'data-step': id },
      el('code', { textContent: run }),
      el('span', { textContent: note }),
    )
    button.addEventListener('click', () => this.#run(id, run, other))
    return el('li', {}, button)
  }

  async #run(id, line, other) {
    if (this.#running) return
    this.#running = true
    try {
      if (other) {
        const client = this.terminal.other()
        this.terminal.note('term.fromClient', { n: client.number, line })
        this.terminal.run(line, client)
      } else {
        await this.terminal.type(line)
      }
      this.#done.add(id)
    } finally {
      this.#running = false
      this.#draw()
    }
  }
}
