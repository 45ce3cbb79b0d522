// The terminal: several clients of one engine, each with its own log, and one line of input for the client in front.

import { $, el, recall, reducedMotion, remember } from './dom.js'
import { History } from './history.js'
import { splitLine, splitRepeat } from './line.js'
import { PromptState } from './prompt.js'
import { formatPush, formatRaw, formatReply, printsRaw } from './reply.js'
import { Suggestions } from './suggest.js'

const MAX_CLIENTS = 6
const MAX_ENTRIES = 500
const FIRST_LIMIT = 12_000
const MORE_FACTOR = 8
/** A reply that takes longer than this shows that it is waited for. */
const PATIENCE_MS = 150
/** redis-cli tells the time of commands that took at least this long. */
const SLOW_MS = 500

export class Terminal {
  clients = []
  utf8 = recall('utf8') === 'true'
  #onCommand
  #onSelect

  /** `keyNames()` returns names to complete; `onCommand()` is called after each command, `onSelect(db)` when a client in front changes its database. */
  constructor({ store, words, book, keyNames, onCommand, onSelect }) {
    Object.assign(this, { store, words, book })
    this.#onCommand = onCommand
    this.#onSelect = onSelect
    this.history = new History({ load: () => recall('history'), save: (text) => remember('history', text) })
    this.input = $('command')
    this.suggestions = new Suggestions({ input: this.input, book, words, keyNames, onInput: () => this.#showTyped() })
    this.#listen()
    this.open()
    this.input.disabled = false
    words.watch(() => this.#relabel())
  }

  /** True while a client watches every command: the page's own would only disturb it. */
  get monitored() {
    return this.clients.some((client) => client.state.monitor)
  }

  /** Opens a client and brings it to the front, unless there are too many. Returns the client in front. */
  open({ front = true } = {}) {
    if (this.clients.length >= MAX_CLIENTS) {
      this.note('term.tooMany')
      return this.front
    }
    const number = 1 + Math.max(0, ...this.clients.map((c) => c.number))
    const client = new Client(number)
    this.#connect(client)
    this.clients.push(client)
    $('logs').append(client.log)
    $('clients').append(client.tab)
    client.tab.addEventListener('click', () => this.show(client))
    if (front || !this.front) this.show(client)
    else client.log.hidden = true
    this.#relabel()
    return client
  }

  /** Returns a client that can take a command and is not in front; opens one behind if there is none. */
  other() {
    const free = this.clients.find((c) => c !== this.front && !c.running && !c.state.subscribed && !c.state.monitor && !c.state.multi)
    return free ?? this.open({ front: false })
  }

  /** Brings a client to the front. */
  show(client) {
    if (this.front) this.front.draft = this.input.value
    this.front = client
    client.unread = false
    for (const other of this.clients) {
      other.log.hidden = other !== client
      other.tab.setAttribute('aria-selected', String(other === client))
      other.tab.tabIndex = other === client ? 0 : -1
    }
    $('screen').setAttribute('aria-labelledby', client.tab.id)
    $('close-client').hidden = this.clients.length < 2
    this.#setInput(client.draft)
    this.#refresh()
    this.#scrollDown(client)
    this.#onSelect(client.state.db)
  }

  /** Closes the client in front; the last one stays. */
  close() {
    const client = this.front
    if (this.clients.length < 2) return this.note('term.exit')
    const at = this.clients.indexOf(client)
    this.clients.splice(at, 1)
    client.raw.close()
    client.log.remove()
    client.tab.remove()
    this.front = null
    this.show(this.clients[Math.max(0, at - 1)])
    this.input.focus()
  }

  /** Types `line` into the client in front, as a person would, and runs it. Resolves when it is typed. */
  async type(line) {
    const client = this.front
    this.suggestions.quiet = true
    if (!reducedMotion()) {
      const pause = Math.min(22, 420 / line.length)
      for (let n = 1; n <= line.length && this.front === client; n++) {
        this.#setInput(line.slice(0, n))
        await new Promise((done) => setTimeout(done, pause))
      }
    }
    this.suggestions.quiet = false
    if (this.front === client) this.#setInput('')
    this.history.add(line)
    this.run(line, client)
  }

  /** Runs a line in `client` after those before it. Resolves when its reply is printed. */
  run(line, client = this.front) {
    client.queue = client.queue.then(() => this.#runNow(line, client))
    return client.queue
  }

  /** Prints a sentence of the page itself. */
  note(key, values = {}, client = this.front) {
    const text = el('p', { class: 'note' })
    const set = () => (text.textContent = this.words.t(key, values))
    set()
    client.notes.push({ text, set })
    this.#add(client, text)
  }

  /** Ctrl+C: drops the line, or ends what the client in front waits for. */
  async interrupt() {
    const client = this.front
    if (client.running) {
      client.dropped = true
      // A client of its own: the one in front waits for its reply.
      const helper = this.store.client({ name: 'page' })
      const { value } = await helper.raw(['CLIENT', 'UNBLOCK', String(await client.id), 'ERROR'])
      helper.close()
      if (Number(value) !== 1 && client.running) this.note('term.cannotStop', {}, client)
    } else if (client.state.monitor) {
      await this.run('RESET', client)
    } else if (client.state.subscriptions > 0) {
      for (const line of ['UNSUBSCRIBE', 'PUNSUBSCRIBE', 'SUNSUBSCRIBE']) if (client.state.subscriptions > 0) await this.run(line, client)
    } else {
      this.#echo(client, `${this.input.value}^C`)
      this.#setInput('')
    }
  }

  async #runNow(line, client) {
    this.#echo(client, line)
    const args = splitLine(line)
    if (!args) return this.#print(client, [['plain', 'Invalid argument(s)']])
    if (args.length === 0 || this.#runLocally(args, line, client)) return
    const { times, args: command } = splitRepeat(args)
    client.dropped = false
    for (let i = 0; i < times && !client.dropped; i++) await this.#call(command, client)
    this.#onCommand()
  }

  /** Runs what redis-cli does itself. Returns false if `args` are for the engine. */
  #runLocally(args, line, client) {
    const name = String(args[0]).toLowerCase()
    if (name === 'clear' && args.length === 1) client.clear()
    else if (name === 'help' || name === '?') this.#help(line.trim().slice(name.length), client)
    else if ((name === 'exit' || name === 'quit') && args.length === 1) client === this.front ? this.close() : this.note('term.exit', {}, client)
    else return false
    return true
  }

  async #call(args, client) {
    const start = performance.now()
    client.running = true
    const slow = setTimeout(() => this.#refresh(), PATIENCE_MS)
    let reply
    try {
      reply = await client.raw.raw(args)
    } catch (error) {
      reply = { type: 'error', value: error?.message ?? String(error) }
    }
    clearTimeout(slow)
    client.running = false
    const before = client.state.db
    client.state.observe(args, reply)
    this.#printReply(client, reply, printsRaw(args) ? formatRaw : formatReply, performance.now() - start)
    if (client.state.monitor) this.note('term.monitoring', {}, client)
    else if (/^[ps]?subscribe$/i.test(args[0]) && client.state.subscribed) this.note('term.reading', {}, client)
    if (client === this.front) {
      this.#refresh()
      if (client.state.db !== before) this.#onSelect(client.state.db)
    }
  }

  /** Gives a client its session; a new one if the engine ended the old one (CLIENT KILL), as redis-cli connects again. */
  #connect(client) {
    client.state = new PromptState()
    client.raw = this.store.client({
      name: `client-${client.number}`,
      onpush: (push) => this.#receive(client, push),
      onclose: () => {
        if (this.store.dead) return
        this.#connect(client)
        this.note('term.closed', {}, client)
        if (client !== this.front) return
        this.#refresh()
        this.#onSelect(client.state.db)
      },
    })
    client.id = client.raw.raw(['CLIENT', 'ID']).then((reply) => reply.value)
  }

  #receive(client, push) {
    client.state.observePush(push)
    this.#printReply(client, push, formatPush)
    if (client !== this.front) {
      client.unread = true
      this.#relabel()
    } else {
      this.#refresh()
    }
  }

  #echo(client, line) {
    const prompt = el('span', { class: 'prompt', textContent: client.state.text() })
    this.#add(client, el('div', { class: 'typed' }, prompt, el('span', { textContent: line })))
  }

  #printReply(client, reply, format, ms = 0) {
    const time = ms >= SLOW_MS ? [['index', `\n(${(ms / 1000).toFixed(2)}s)`]] : []
    let limit = FIRST_LIMIT
    const render = () => {
      const { tokens, cut } = format(reply, { limit, utf8: this.utf8 })
      const out = el('pre', { class: 'reply' }, ...spans([...tokens, ...time]))
      if (!cut) return [out]
      const more = el('button', { class: 'small', type: 'button', textContent: this.words.t('term.more') })
      more.addEventListener('click', () => {
        limit *= MORE_FACTOR
        box.replaceChildren(...render())
      })
      return [out, more]
    }
    const box = el('div', {}, ...render())
    this.#add(client, box)
  }

  #print(client, tokens) {
    this.#add(client, el('pre', { class: 'reply' }, ...spans(tokens)))
  }

  #help(topic, client) {
    const { t } = this.words
    const found = this.book.help(topic)
    if (found === null) {
      const rows = [['help @string', 'help.group'], ['help SET', 'help.command'], ['clear', 'help.clear'], ['5 INCR n', 'help.repeat']]
      const lines = rows.flatMap(([line, key]) => [['string', `\n  ${line.padEnd(14)}`], ['plain', t(key)]])
      const groups = this.book.groups.map((group) => `@${group}`).join(' ')
      return this.#print(client, [['plain', t('help.intro')], ...lines, ['plain', `\n${t('help.groups')} `], ['index', groups]])
    }
    if (found.length === 0) return this.note('help.none', { topic: topic.trim() }, client)
    const tokens = found.flatMap(({ name, args, summary, since, group }, i) => [
      ['strong', `${i ? '\n\n' : ''}  ${name}`], ['index', ` ${args}`],
      ['key', `\n  ${t('help.summary')} `], ['plain', summary ?? ''],
      ...(since ? [['key', `\n  ${t('help.since')} `], ['plain', since]] : []),
      ...(group ? [['key', `\n  ${t('help.groupLabel')} `], ['plain', group]] : []),
    ])
    this.#print(client, tokens)
  }

  #add(client, node) {
    client.log.append(node)
    while (client.log.childElementCount > MAX_ENTRIES) client.log.firstElementChild.remove()
    this.#scrollDown(client)
  }

  #scrollDown(client) {
    if (client === this.front) $('screen').scrollTop = $('screen').scrollHeight
  }

  #setInput(text) {
    this.input.value = text
    this.suggestions.update()
    this.#showTyped()
  }

  /** Mirrors what is typed, with the rest of the syntax behind it in grey. */
  #showTyped() {
    $('typed').textContent = this.input.value
    $('hint').textContent = this.book.hint(this.input.value)
    $('screen').scrollTop = $('screen').scrollHeight
  }

  /** Shows the state of the client in front: prompt, whether it waits, what Stop would end. */
  #refresh() {
    const { state, running, number } = this.front
    const { t } = this.words
    const prompt = state.text()
    $('prompt').textContent = prompt
    this.input.setAttribute('aria-label', t('term.input', { n: number, prompt: prompt.trim() }))
    const waits = running || state.monitor || state.subscriptions > 0
    $('line').classList.toggle('waiting', running)
    $('stop').hidden = !waits
    $('busy').hidden = !running
    $('busy').textContent = running ? t('term.waiting') : ''
    this.suggestions.hold(running)
  }

  #relabel() {
    const { t } = this.words
    for (const client of this.clients) {
      client.tab.replaceChildren(t('term.client', { n: client.number }))
      client.tab.classList.toggle('unread', client.unread)
      client.tab.setAttribute('aria-label', t(client.unread ? 'term.clientUnread' : 'term.client', { n: client.number }))
      client.log.setAttribute('aria-label', t('term.log', { n: client.number }))
      for (const { set } of client.notes) set()
    }
    if (this.front) this.#refresh()
  }

  #listen() {
    const { input } = this
    $('line').addEventListener('submit', (event) => {
      event.preventDefault()
      this.#submit()
    })
    input.addEventListener('keydown', (event) => this.#key(event))
    // Keyboards on a screen may send the line break without a key.
    input.addEventListener('beforeinput', (event) => {
      if (event.inputType !== 'insertLineBreak') return
      event.preventDefault()
      this.#submit()
    })
    input.addEventListener('paste', (event) => this.#paste(event))
    $('new-client').addEventListener('click', () => {
      this.open()
      input.focus()
    })
    $('close-client').addEventListener('click', () => this.close())
    $('stop').addEventListener('click', () => {
      this.interrupt()
      input.focus()
    })
    $('clear').addEventListener('click', () => {
      this.front.clear()
      input.focus()
    })
    $('utf8').setAttribute('aria-pressed', String(this.utf8))
    $('utf8').addEventListener('click', () => {
      this.utf8 = !this.utf8
      remember('utf8', String(this.utf8))
      $('utf8').setAttribute('aria-pressed', String(this.utf8))
    })
    // A click beside the text goes to the input, but never takes a selection away.
    $('screen').addEventListener('mouseup', (event) => {
      if (event.target.closest('button, textarea') || !getSelection().isCollapsed) return
      input.focus({ preventScroll: true })
    })
    $('clients').addEventListener('keydown', (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
      if (!step) return
      const next = this.clients[(this.clients.indexOf(this.front) + step + this.clients.length) % this.clients.length]
      this.show(next)
      next.tab.focus()
    })
  }

  #submit() {
    if (this.front.running) return
    const line = this.input.value
    this.history.add(line)
    this.#setInput('')
    this.run(line)
  }

  #key(event) {
    // 229: a key that an input method takes for itself.
    if (event.isComposing || event.keyCode === 229) return
    const { key, ctrlKey, shiftKey, metaKey, altKey } = event
    const plain = !ctrlKey && !metaKey && !altKey
    let done = true
    if (key === 'Enter' && plain) this.#submit()
    else if (key === 'ArrowUp' && plain) this.#recall(this.history.older(this.input.value))
    else if (key === 'ArrowDown' && plain) this.#recall(this.history.newer())
    else if (key.toLowerCase() === 'l' && ctrlKey) this.front.clear()
    else if (key.toLowerCase() === 'c' && ctrlKey && !shiftKey && !metaKey && !this.#hasSelection()) this.interrupt()
    else if ((key === 'PageUp' || key === 'PageDown') && plain) $('screen').scrollBy(0, (key === 'PageUp' ? -0.8 : 0.8) * $('screen').clientHeight)
    else done = this.suggestions.key(event)
    if (done) event.preventDefault()
  }

  #hasSelection() {
    return this.input.selectionStart !== this.input.selectionEnd || !getSelection().isCollapsed
  }

  #recall(line) {
    if (line !== null) this.#setInput(line)
  }

  /** Pasted lines run one after the other; what follows the last line break stays to be edited. */
  #paste(event) {
    const text = event.clipboardData.getData('text').replace(/\r\n?/g, '\n')
    if (!text.includes('\n')) return
    event.preventDefault()
    const { value, selectionStart, selectionEnd } = this.input
    const lines = (value.slice(0, selectionStart) + text + value.slice(selectionEnd)).split('\n')
    this.#setInput(lines.pop())
    const { front } = this
    for (const line of lines.filter((line) => line.trim())) {
      this.history.add(line)
      this.run(line, front)
    }
  }
}

/** One client: its session, what its prompt shows, its log and its tab. */
class Client {
  draft = ''
  unread = false
  running = false
  dropped = false
  queue = Promise.resolve()
  notes = []
  state = null

  constructor(number) {
    this.number = number
    this.log = el('div', { class: 'log', role: 'log', 'aria-live': 'polite', tabIndex: 0 })
    this.tab = el('button', { type: 'button', role: 'tab', id: `client-${number}`, 'aria-controls': 'screen' })
  }

  clear() {
    this.log.replaceChildren()
    this.notes = []
  }
}

const spans = (tokens) => tokens.map(([kind, text]) => (kind === 'plain' ? text : el('span', { class: `r-${kind}`, textContent: text })))
