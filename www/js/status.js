// The figures of the database, whether it is saved, and the reload that proves it.

import { $, el } from './dom.js'
import { bytes, millis } from './units.js'

const RELOADED = 'tabdis.reloaded'

export class Status {
  #figures = null
  #error = null

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

  /** Says what was restored if this page was reloaded with the button. Returns the number of keys. */
  greet() {
    this.refresh()
    const { keys, stored } = this.#figures
    if (!stored) banner(this.words, 'error.noIndexedDb', {}, 'warn')
    else if (takeFlag()) banner(this.words, keys ? 'restored' : 'restored.none', { n: keys, ms: millis(this.store.openMs) })
    return keys
  }

  async #reload() {
    $('reload').disabled = true
    await this.store.flush().catch((error) => this.#storage(error))
    $('reload').disabled = false
    // What could not be stored would be lost: stay, the banner says why.
    if (this.#error) return
    try {
      sessionStorage.setItem(RELOADED, 'true')
    } catch {
      // Then the page reloads without a word about it.
    }
    location.reload()
  }

  #storage(error) {
    if (error && !this.#error) banner(this.words, 'error.storage', { message: error.message ?? String(error) }, 'warn')
    this.#error = error
    this.#draw()
  }

  #draw() {
    if (!this.#figures) return
    const { keys, memory, stored, bytes: size, unsaved } = this.#figures
    const { t, tag } = this.words
    set('stat-keys', new Intl.NumberFormat(tag).format(keys))
    set('stat-memory', bytes(memory))
    set('stat-stored', stored ? bytes(size) : '–')
    set('stat-where', t(stored ? 'status.storedIn' : 'status.notStored'))
    const state = this.#error ? 'failed' : !stored ? 'memoryOnly' : unsaved ? 'saving' : 'saved'
    set('stat-state', t(`status.${state}`))
    $('stat-state').dataset.state = state
  }
}

/** Shows a message under the header until it is closed, in the language of the page. */
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
