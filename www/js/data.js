// The dialog about the data itself: how safe it is, how much room there is, and taking it out and in as an RDB file.

import { $ } from './dom.js'
import { bytes, clock } from './units.js'

export class DataDialog {
  /** What is going on: an AbortController; null if nothing is. */
  #work = null
  /** What to say about the last thing done: a key and its values. */
  #said = null
  #room = null

  constructor({ store, words, onData }) {
    Object.assign(this, { store, words, onData })
    $('data-open').addEventListener('click', () => this.#open())
    $('data-close').addEventListener('click', () => $('data').close())
    $('data').addEventListener('close', () => this.#work?.abort())
    $('data-keep').addEventListener('click', () => this.#keep())
    $('data-save').addEventListener('click', () => this.#save())
    $('data-rescue').addEventListener('click', () => this.#rescue())
    $('data-load').addEventListener('click', () => $('data-file').click())
    $('data-file').addEventListener('change', () => this.#load())
    $('data-cancel').addEventListener('click', () => this.#work?.abort())
    words.watch(() => this.#draw())
  }

  async #open() {
    this.#said = null
    this.#draw()
    $('data').showModal()
    await this.#look()
  }

  /** Asks the browser how much room there is, and whether it keeps the data. */
  async #look() {
    this.#room = await this.store.room()
    this.#draw()
  }

  async #keep() {
    const kept = await this.store.persist()
    this.#say(kept ? 'data.kept' : 'data.notKept')
    await this.#look()
  }

  #save() {
    return this.#do('data.saving', async (options) => {
      const blob = await this.store.save(options)
      download(blob, `tabdis-${clock(new Date())}.rdb`)
      return ['data.saved', { size: bytes(blob.size) }]
    })
  }

  #rescue() {
    return this.#do('data.saving', async () => {
      const blob = await this.store.rescue()
      download(blob, `tabdis-${clock(new Date())}.stored`)
      return ['data.rescued', { size: bytes(blob.size) }]
    })
  }

  async #load() {
    const [file] = $('data-file').files
    // The same file can be chosen again.
    $('data-file').value = ''
    const { keys } = this.store.status()
    if (!file || (keys && !confirm(this.words.t('data.replace', { n: keys, file: file.name })))) return
    await this.#do('data.loading', async (options) => {
      await this.store.load(file, options)
      this.onData()
      return ['data.loaded', { n: this.store.status().keys, file: file.name }]
    })
  }

  /** Does something that takes time: shows how far it is, lets it be cancelled, and says how it ended. */
  async #do(title, body) {
    if (this.#work) return
    const work = (this.#work = new AbortController())
    this.#said = [title]
    $('data-progress').removeAttribute('value')
    this.#draw()
    try {
      const onProgress = ({ done, total }) => total && ($('data-progress').value = done / total)
      this.#said = await body({ signal: work.signal, onProgress })
    } catch (error) {
      this.#said = work.signal.aborted ? ['data.cancelled'] : ['data.failed', { message: error.message }]
    } finally {
      this.#work = null
      this.#draw()
      await this.#look()
    }
  }

  #say(...said) {
    this.#said = said
    this.#draw()
  }

  #draw() {
    const { t } = this.words
    const { stored, bytes: size, mode, rescuable } = this.store.status()
    $('data-where').textContent = stored ? t('data.stored', { size: bytes(size) }) : t('data.inMemory')
    $('data-mode').textContent = t(`data.mode.${mode}`)
    const { usage, quota, persisted } = this.#room ?? {}
    $('data-room').textContent = quota ? t('data.room', { usage: bytes(usage), quota: bytes(quota) }) : '–'
    Object.assign($('data-meter'), { max: quota || 1, value: usage || 0, hidden: !quota })
    $('data-persisted').textContent = t(persisted ? 'data.persisted' : persisted === false ? 'data.evictable' : 'data.unknown')
    $('data-keep').hidden = persisted !== false || !stored
    $('data-rescue').hidden = !rescuable
    const busy = Boolean(this.#work)
    for (const id of ['data-save', 'data-load', 'data-rescue', 'data-keep']) $(id).disabled = busy
    $('data-doing').hidden = !busy
    const text = this.#said ? t(...this.#said) : ''
    if ($('data-said').textContent !== text) $('data-said').textContent = text
  }
}

/** Gives the reader a file. */
function download(blob, name) {
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: name })
  link.click()
  // The browser has taken it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}
