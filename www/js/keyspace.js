// The live view of the keyspace: a table of keys with types and TTLs counting down, and the value of the key chosen.

import { $, el, reducedMotion } from './dom.js'
import { idOf, ITEMS, KeyReader, ROWS } from './keys.js'
import { quoteWord } from './line.js'
import { bytesOf, quoted, textOf } from './reply.js'
import { bytes, timeLeft } from './units.js'

const DATABASES = 16
const SOON_MS = 60
const EVERY_MS = 1000
const EXPIRING_MS = 10_000
const PREVIEW = 2000

export class Keyspace {
  names = []
  #rows = new Map()
  #seen = new Map()
  #dirty = new Set()
  #chosen = null
  #timer = 0
  #busy = false
  #again = false
  #settled = ''

  /** `paused()` says when not to read; `type(line)` types into the terminal; `onRead()` is called after each reading. */
  constructor({ store, words, paused, type, onRead }) {
    Object.assign(this, { store, words, paused, type, onRead })
    this.db = 0
    this.#connect()
    this.#listen()
    words.watch(() => {
      this.#drawDatabases(new Map())
      this.#rows.clear()
      $('rows').replaceChildren()
      this.refresh()
    })
  }

  /** Shows another database. */
  select(db) {
    if (db === this.db || db >= DATABASES) return
    this.db = db
    $('db').value = String(db)
    this.#choose(null)
    this.refresh()
  }

  /** Reads again soon; many calls in a row make one reading. */
  refresh(delay = 0) {
    if (this.#busy) return void (this.#again = true)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#read(), delay)
  }

  get #pattern() {
    const typed = $('pattern').value.trim()
    if (typed === '') return '*'
    return /[*?[\]\\]/.test(typed) ? typed : `*${typed}*`
  }

  #connect() {
    this.client?.close()
    this.client = this.store.client({ name: 'keys-view', onpush: (push) => this.#changed(push) })
    this.reader = new KeyReader(this.client)
    this.ready = this.reader.track().catch(() => false)
  }

  async #read() {
    if (document.hidden) return
    if (this.paused()) return this.#say('keys.paused')
    this.#busy = true
    try {
      await this.ready
      const { db } = this
      const pattern = this.#pattern
      const [found, databases] = [await this.reader.read(db, pattern), await this.reader.databases()]
      const value = this.#chosen && (await this.reader.value(db, this.#chosen.key))
      if (db === this.db) this.#draw(found, databases, value, pattern)
      this.onRead()
    } catch (error) {
      this.#say('keys.error', { message: error.message })
      // Its client may have been killed (CLIENT KILL): the next reading has a new one.
      if (!this.store.dead) this.#connect()
    } finally {
      this.#busy = false
      if (!this.store.dead) this.refresh(this.#again ? SOON_MS : EVERY_MS)
      this.#again = false
    }
  }

  /** A push of the tracking client: the keys named in it have changed. */
  #changed(push) {
    const [kind, keys] = Array.isArray(push.value) ? push.value : []
    if (!kind || textOf(kind.value) !== 'invalidate') return
    for (const { value } of keys?.value ?? []) this.#dirty.add(idOf(value))
    this.refresh(SOON_MS)
  }

  #draw({ rows, total, more }, databases, value, pattern) {
    // After a change of database or filter every row is new to the eye, but nothing has changed.
    const view = `${this.db} ${pattern}`
    const flash = this.#settled === view
    this.#settled = view
    this.names = rows.map(({ key }) => textOf(key))
    this.#drawRows(rows, flash)
    this.#drawCount(rows.length, total, more, pattern)
    this.#drawDatabases(databases)
    if (this.#chosen) this.#drawValue(value)
    this.#dirty.clear()
  }

  #drawRows(rows, flash) {
    const body = $('rows')
    const old = this.#rows
    this.#rows = new Map()
    let place = body.firstElementChild
    for (const data of rows) {
      const row = old.get(data.id) ?? this.#newRow(data)
      this.#rows.set(data.id, row)
      if (row.tr === place) place = place.nextElementSibling
      else body.insertBefore(row.tr, place)
      this.#fill(row, data)
      const seen = `${data.type} ${data.encoding} ${data.size} ${data.expiresAt === null}`
      if (flash && (this.#dirty.has(data.id) || this.#seen.get(data.id) !== seen)) blink(row.tr)
      this.#seen.set(data.id, seen)
    }
    for (const [id, { tr }] of old) {
      if (this.#rows.has(id)) continue
      tr.remove()
      this.#seen.delete(id)
    }
    this.#rove()
  }

  #newRow(data) {
    const button = el('button', { type: 'button', tabIndex: -1 }, el('bdi', { textContent: readable(data.key) }))
    const badge = el('span', {})
    const cells = {
      key: el('td', { class: 'c-key' }, button),
      type: el('td', { class: 'c-type' }, badge),
      ttl: el('td', { class: 'c-ttl' }),
      size: el('td', { class: 'c-size' }),
      enc: el('td', { class: 'c-enc' }),
    }
    const tr = el('tr', {}, ...Object.values(cells))
    const row = { tr, button, badge, cells, data }
    tr.addEventListener('click', () => this.#choose(this.#chosen?.id === row.data.id ? null : row.data))
    button.addEventListener('focus', () => this.#rove(button))
    return row
  }

  #fill(row, data) {
    row.data = data
    const { t } = this.words
    const { cells, tr, button, badge } = row
    set(badge, data.type)
    if (badge.dataset.type !== data.type) Object.assign(badge, { className: 'type' }).dataset.type = data.type
    set(cells.size, sizeOf(data, t))
    set(cells.enc, data.encoding)
    const chosen = this.#chosen?.id === data.id
    tr.classList.toggle('chosen', chosen)
    button.setAttribute('aria-expanded', String(chosen))
    button.setAttribute('aria-controls', 'value')
    this.#tick(row)
  }

  #tick({ cells, data }) {
    const left = data.expiresAt === null ? null : data.expiresAt - Date.now()
    set(cells.ttl, left === null ? '–' : timeLeft(left))
    cells.ttl.classList.toggle('soon', left !== null && left < EXPIRING_MS)
    if (left === null) cells.ttl.setAttribute('aria-label', this.words.t('keys.forever'))
    else cells.ttl.removeAttribute('aria-label')
  }

  #drawCount(shown, total, more, pattern) {
    const { t } = this.words
    const all = pattern === '*'
    const key = all ? (more ? 'keys.shown' : 'keys.count') : more ? 'keys.shownFilteredMore' : 'keys.shownFiltered'
    set($('keys-count'), t(key, { n: shown, total }))
    $('empty').hidden = shown > 0
    if (shown > 0) return
    const [title, hint] = $('empty').children
    set(title, t(all ? 'keys.empty' : 'keys.noMatch', { pattern: $('pattern').value.trim() }))
    set(hint, t(all ? 'keys.emptyHint' : 'keys.noMatchHint'))
  }

  #drawDatabases(counts) {
    const { t } = this.words
    const select = $('db')
    if (select.options.length === 0) {
      select.append(...Array.from({ length: DATABASES }, (_, db) => el('option', { value: String(db) })))
    }
    for (const option of select.options) {
      const db = Number(option.value)
      const n = counts.get(db)
      set(option, n ? t('keys.dbOptionCount', { db: String(db), n }) : t('keys.dbOption', { db: String(db) }))
    }
  }

  #choose(data) {
    this.#chosen = data
    for (const { tr, button, data: { id } } of this.#rows.values()) {
      tr.classList.toggle('chosen', id === data?.id)
      button.setAttribute('aria-expanded', String(id === data?.id))
    }
    if (data) this.refresh()
    else $('value').hidden = true
  }

  #drawValue(found) {
    const { t } = this.words
    const { key } = this.#chosen
    const box = $('value')
    const scroll = box.querySelector('.content')?.scrollTop ?? 0
    const focused = box.contains(document.activeElement) ? document.activeElement.dataset.act : null
    const close = el('button', { type: 'button', class: 'quiet icon', 'data-act': 'close', 'aria-label': t('value.closeTitle'), title: t('value.closeTitle'), textContent: '×' })
    close.addEventListener('click', () => this.#close())
    const title = el('h3', { id: 'value-title', 'aria-label': t('value.title', { key: readable(key) }) }, el('bdi', { textContent: readable(key) }))
    const head = el('header', {}, title, el('span', { class: 'gap' }), close)
    if (found) {
      const ask = el('button', { type: 'button', class: 'quiet', 'data-act': 'ask', textContent: t('value.inTerminal') })
      ask.addEventListener('click', () => this.type(commandFor(found.row)))
      head.insertBefore(ask, close)
    }
    box.replaceChildren(head, ...(found ? this.#valueParts(found) : [el('p', { class: 'meta', textContent: t('value.gone') })]))
    box.hidden = false
    const content = box.querySelector('.content')
    if (content) content.scrollTop = scroll
    if (focused) box.querySelector(`[data-act="${focused}"]`)?.focus()
  }

  #valueParts({ row, items, text, known, memory }) {
    const { t } = this.words
    const expires = row.expiresAt === null ? t('value.forever') : t('value.expires', { time: timeLeft(row.expiresAt - Date.now()) })
    const parts = [sizeOf(row, t), row.encoding, memory === null ? '' : `${bytes(memory)} ${t('value.memory')}`, expires]
    const meta = el('p', { class: 'meta' }, el('span', { class: 'type', 'data-type': row.type, textContent: row.type }), parts.filter(Boolean).join(' · '))
    if (!known) return [meta, el('p', { class: 'meta', textContent: t('value.unknown') })]
    if (text !== undefined) {
      const cut = row.size > bytesOf(text).length ? ' …' : ''
      return [meta, el('pre', { class: 'content', tabIndex: 0, textContent: readable(text, Infinity, true) + cut })]
    }
    const caption = row.size > items.length ? el('caption', { textContent: t(row.type === 'stream' ? 'value.last' : 'value.first', { n: items.length, total: row.size }) }) : null
    const heads = el('tr', {}, ...HEADS[row.type].map((key) => el('th', { scope: 'col', textContent: t(`value.${key}`) })))
    const body = items.map((cells) => el('tr', {}, ...cells.map((cell) => el('td', {}, el('bdi', { textContent: cellText(cell) })))))
    return [meta, el('div', { class: 'content', tabIndex: 0 }, el('table', { class: `of-${row.type}` }, caption, el('thead', {}, heads), el('tbody', {}, ...body)))]
  }

  #close() {
    const row = this.#rows.get(this.#chosen?.id)
    this.#choose(null)
    row?.button.focus()
  }

  #say(key, values) {
    set($('keys-count'), this.words.t(key, values))
  }

  /** One tab stop for the whole list; arrows move inside it. */
  #rove(to) {
    const buttons = [...this.#rows.values()].map(({ button }) => button)
    const stop = to ?? buttons.find((button) => button.tabIndex === 0) ?? buttons[0]
    for (const button of buttons) button.tabIndex = button === stop ? 0 : -1
  }

  #listen() {
    let typing = 0
    $('pattern').addEventListener('input', () => {
      clearTimeout(typing)
      typing = setTimeout(() => this.refresh(), 150)
    })
    $('db').addEventListener('change', () => this.select(Number($('db').value)))
    document.addEventListener('visibilitychange', () => document.hidden || this.refresh())
    this.store.onChange(() => this.refresh(SOON_MS))
    setInterval(() => document.hidden || this.#rows.forEach((row) => this.#tick(row)), EVERY_MS)
    $('rows').addEventListener('keydown', (event) => {
      const buttons = [...this.#rows.values()].map(({ button }) => button)
      const at = buttons.indexOf(event.target)
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key]
      if (at < 0 || to === undefined) return
      event.preventDefault()
      buttons[Math.max(0, Math.min(to, buttons.length - 1))].focus()
    })
    $('value').addEventListener('keydown', (event) => event.key === 'Escape' && this.#close())
  }
}

const HEADS = { list: ['index', 'item'], hash: ['field', 'value'], set: ['member'], zset: ['member', 'score'], stream: ['id', 'entry'], vectorset: ['member', 'vector'] }

/** The command that reads a value in the terminal. */
function commandFor({ key, type }) {
  const word = typeof key === 'string' ? quoteWord(key) : quoted(key)
  const [before, after] = {
    string: ['GET', ''], list: ['LRANGE', ` 0 ${ITEMS - 1}`], hash: ['HGETALL', ''], set: ['SMEMBERS', ''],
    zset: ['ZRANGE', ` 0 ${ITEMS - 1} WITHSCORES`], stream: ['XRANGE', ` - + COUNT ${ITEMS}`], 'ReJSON-RL': ['JSON.GET', ''],
    vectorset: ['VRANGE', ` - + ${ITEMS}`],
  }[type] ?? ['TYPE', '']
  return `${before} ${word}${after}`
}

function sizeOf({ size, unit }, t) {
  if (size === null) return ''
  return unit === 'bytes' ? bytes(size) : t(`size.${unit}`, { n: size })
}

/** Text as it is if it is text, else with redis-cli's escapes; with `lines`, line breaks stay. */
function readable(value, limit = PREVIEW, lines = false) {
  if (lines && typeof value === 'string') return value
  return quoted(value, { utf8: true, limit }).slice(1, -1).replace(/\\"/g, '"')
}

function cellText(cell) {
  if (Array.isArray(cell)) return Array.from({ length: cell.length >> 1 }, (_, i) => `${readable(cell[2 * i])}=${readable(cell[2 * i + 1])}`).join('  ')
  return typeof cell === 'number' || typeof cell === 'bigint' ? String(cell) : readable(cell)
}

/** Sets a text only if it differs: a screen reader need not hear what did not change. */
function set(node, text) {
  if (node.textContent !== text) node.textContent = text
}

function blink(node) {
  if (reducedMotion()) return
  node.getAnimations().forEach((animation) => animation.cancel())
  node.animate([{ backgroundColor: 'var(--flash)' }, { backgroundColor: 'transparent' }], { duration: 1200, easing: 'ease-out' })
}
