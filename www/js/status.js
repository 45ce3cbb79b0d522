// The figures of the database, whether it is saved, and the reload that proves it.

import { $, el } from './dom.js'
import { bytes, millis } from './units.js'

const RELOADED = 'tabdis.reloaded'

/** What to say about a storage error, by its code: when the page opens, and later. */
const AT_OPEN = { UNAVAILABLE: 'error.noIndexedDb', LOCKED: 'error.locked', DAMAGED: 'error.damaged', NEWER: 'error.newer' }
const LATER = { QUOTA: 'error.quota', GONE: 'error.gone', DAMAGED: 'error.damaged', NEWER: 'error.newer' }

export class Status {
  #figures = null
  #banner = null

  constructor({ store, words }) {
    Object.assign(this, { store, words })
    store.onStorage((error) => this.#storage(error))
    store.onDead((error) => banner(words, error ? 'error.dead' : 'error.shutdown', { message: error?.message }, 'warn'))
    $('reload').addEventListener('click', () => this.#reload())
    words.watch(() => this.#draw())
  }

  /** Reads the figures again. */
  refresh() {
    this.#figures = this.store.status()
    this.#draw()
  }

  /** Says what was restored if this page was reloaded with the button, or why nothing was. Returns the number of keys. */
  greet() {
    this.refresh()
    const { keys } = this.#figures
    const { openError, openMs } = this.store
    const reloaded = takeFlag()
    if (openError) this.#banner = banner(this.words, AT_OPEN[openError.code] ?? 'error.storage', { message: openError.message }, 'warn')
    else if (reloaded) banner(this.words, keys ? 'restored' : 'restored.none', { n: keys, ms: millis(openMs) })
    return keys
  }

  async #reload() {
    $('reload').disabled = true
    try {
      await this.store.flush()
    } catch (error) {
      // What could not be stored would be lost: stay, and say why.
      this.#storage(error)
      return
    } finally {
      $('reload').disabled = false
    }
    raiseFlag()
    location.reload()
  }

  /** One banner at a time about storage, gone when it works again. */
  #storage(error) {
    this.#banner?.remove()
    this.#banner = error && banner(this.words, LATER[error.code] ?? 'error.storage', { message: error.message ?? String(error) }, 'warn')
    this.refresh()
  }

  #draw() {
    if (!this.#figures) return
    const { keys, memory, stored, bytes: size, unsaved, error } = this.#figures
    const { t, tag } = this.words
    set('stat-keys', new Intl.NumberFormat(tag).format(keys))
    set('stat-memory', bytes(memory))
    set('stat-stored', stored ? bytes(size) : '–')
    set('stat-where', t(stored ? 'status.storedIn' : 'status.notStored'))
    const state = !stored ? 'memoryOnly' : error ? 'failed' : unsaved ? 'saving' : 'saved'
    set('stat-state', t(`status.${state}`))
    $('stat-state').dataset.state = state
  }
}

/** Shows a message under the header until it is closed, in the language of the page. Returns its element. */
export function banner(words, key, values = {}, kind = 'good') {
  const text = el('span', {})
  const close = el('button', { type: 'button', class: 'quiet icon', textContent: '×' })
  const box = el('div', { class: `banner ${kind}`, role: kind === 'good' ? 'status' : 'alert' }, text, close)
  close.addEventListener('click', () => box.remove())
  $('banners').append(box)
  // Filled after it is in the page: only then does a screen reader announce it.
  words.watch(() => {
    text.textContent = words.t(key, values)
    close.setAttribute('aria-label', words.t('banner.close'))
  })
  return box
}

function raiseFlag() {
  try {
    sessionStorage.setItem(RELOADED, 'true')
  } catch {
    // Then the page reloads without a word about it.
  }
}

function takeFlag() {
  try {
    const flag = sessionStorage.getItem(RELOADED)
    sessionStorage.removeItem(RELOADED)
    return flag === 'true'
  } catch {
    return false
  }
}

function set(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text
}
