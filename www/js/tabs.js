// The dialog about the tabs that have this database: who leads, how far each is, and what happens when the leader is gone.

import { $, el } from './dom.js'

/** How often the tabs tell one another how they stand (ms), and after how long one that is silent is gone. */
const [EVERY, GONE] = [400, 1_500]
/** How often it is tried whether commands are answered again after the leader was stopped (ms). */
const PROBE = 5

export class TabsDialog {
  /** What each tab has said last, by its name. */
  #tabs = new Map()
  #channel = typeof BroadcastChannel === 'function' ? new BroadcastChannel('tour-tabs') : null
  /** What to say about the last thing done: a key and its values. */
  #said = null

  constructor({ store, words, onStopped }) {
    Object.assign(this, { store, words, onStopped })
    $('tabs-open').addEventListener('click', () => {
      $('tabs').showModal()
      this.#tell()
    })
    $('tabs-close').addEventListener('click', () => $('tabs').close())
    $('tabs-stop').addEventListener('click', () => this.#stopLeader())
    this.#channel?.addEventListener('message', ({ data }) => this.#hear(data))
    store.onRole(() => this.#tell())
    setInterval(() => this.#tell(), EVERY)
    words.watch(() => this.#draw())
    this.#tell()
  }

  #tell() {
    const own = this.store.tabs()
    if (own) {
      const said = { name: own.name, role: own.role, offset: own.offset, waiting: own.waiting, at: Date.now() }
      this.#tabs.set(said.name, said)
      this.#channel?.postMessage(said)
    }
    for (const [name, { at }] of this.#tabs) if (Date.now() - at > GONE) this.#tabs.delete(name)
    this.#draw()
  }

  #hear(data) {
    if (data.stop) {
      if (data.stop === this.store.tabs()?.name) this.#end()
      return
    }
    this.#tabs.set(data.name, { ...data, at: Date.now() })
    this.#draw()
  }

  async #stopLeader() {
    const own = this.store.tabs()
    if (!own?.leader) return
    if (own.leader === own.name) return this.#end()
    this.#channel.postMessage({ stop: own.leader })
    $('tabs-stop').disabled = true
    const began = performance.now()
    while (this.store.tabs()?.leader === own.leader || this.store.tabs()?.role === 'seeking') await new Promise((resolve) => setTimeout(resolve, PROBE))
    const ms = Math.round(performance.now() - began)
    this.#said = ['tabs.tookOver', { ms }]
    this.#tell()
  }

  /** Ends the engine of this tab, as when the tab is gone. */
  #end() {
    this.#channel?.close()
    this.#channel = null
    this.store.terminate()
    $('tabs').close()
    this.onStopped()
    this.#draw()
  }

  #draw() {
    const own = this.store.tabs()
    const { t, tag } = this.words
    const all = [...this.#tabs.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
    $('stat-tabs').textContent = own ? t('tabs.count', { role: t(`tabs.${own.role}`), n: all.length }) : '–'
    $('tabs-stop').disabled = !own?.leader
    $('tabs-said').textContent = this.#said ? t(...this.#said) : ''
    if (!$('tabs').open) return
    const most = Math.max(...all.map(({ offset }) => offset))
    const number = new Intl.NumberFormat(tag)
    const rows = all.map(({ name, role, offset, waiting }) =>
      el(
        'tr',
        { 'data-role': role, 'aria-current': name === own?.name ? 'true' : undefined },
        el('th', { scope: 'row' }, name.slice(0, 6), name === own?.name ? el('small', { textContent: ` ${t('tabs.this')}` }) : null),
        el('td', {}, el('span', { class: 'role', textContent: t(`tabs.${role}`) })),
        el('td', { class: 'figure', textContent: number.format(offset) }),
        el('td', { class: 'figure', textContent: number.format(most - offset) }),
        el('td', { class: 'figure', textContent: number.format(waiting) }),
      ),
    )
    $('tabs-rows').replaceChildren(...rows)
  }
}
