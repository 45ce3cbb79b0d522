// Completions under the input: shown while typing, gone through with Tab as in redis-cli, or tapped.

import { $, el } from './dom.js'
import { quoteWord } from './line.js'

const SHOWN = 12

export class Suggestions {
  /** True while the page types by itself. */
  quiet = false
  #cycle = null
  #held = false

  constructor({ input, book, words, keyNames, onInput }) {
    Object.assign(this, { input, book, words, keyNames, onInput })
    this.box = $('suggest')
    input.addEventListener('input', () => {
      this.#cycle = null
      this.update()
      onInput()
    })
  }

  /** Shows what the line may be completed to. */
  update() {
    this.#cycle = null
    this.#draw(this.#candidates(), -1)
  }

  /** Hides the completions while a command runs. */
  hold(held) {
    this.#held = held
    if (held) this.#draw([], -1)
  }

  /** Handles Tab, Shift+Tab and Escape. Returns true if the key was used; Tab on an empty line still moves the focus. */
  key({ key, shiftKey, ctrlKey, altKey, metaKey }) {
    if (ctrlKey || altKey || metaKey) return false
    if (key === 'Escape' && this.#cycle) {
      this.#put(this.#cycle.typed)
      this.update()
      return true
    }
    if (key !== 'Tab') {
      this.#cycle = null
      return false
    }
    if (shiftKey && !this.#cycle) return false
    this.#cycle ??= { typed: this.input.value, list: this.#candidates(), at: -1 }
    const { list } = this.#cycle
    if (list.length === 0) {
      this.#cycle = null
      return false
    }
    this.#cycle.at = (this.#cycle.at + (shiftKey ? -1 : 1) + list.length) % list.length
    this.#put(list[this.#cycle.at])
    this.#draw(list, this.#cycle.at)
    $('announce').textContent = this.words.t('term.completion', { text: list[this.#cycle.at], i: this.#cycle.at + 1, n: list.length })
    return true
  }

  #candidates() {
    const { value, selectionEnd } = this.input
    if (this.quiet || value === '' || selectionEnd < value.length) return []
    return this.book.complete(value, this.keyNames().map(quoteWord))
  }

  #put(text) {
    this.input.value = text
    this.input.setSelectionRange(text.length, text.length)
    this.onInput()
  }

  #draw(list, at) {
    const from = Math.max(0, Math.min(at - 3, list.length - SHOWN))
    const shown = this.#held ? [] : list.slice(from, from + SHOWN)
    this.box.hidden = shown.length === 0
    this.box.replaceChildren(...shown.map((text, i) => this.#chip(text, from + i === at)))
  }

  /** A tap completes; the keyboard has Tab for it, so the chips are no tab stops. */
  #chip(text, chosen) {
    const chip = el('button', { type: 'button', tabIndex: -1, class: chosen ? 'chosen' : '', textContent: label(text) })
    chip.addEventListener('mousedown', (event) => event.preventDefault())
    chip.addEventListener('click', () => {
      this.#put(text + ' ')
      this.update()
      this.input.focus()
    })
    return chip
  }
}

/** Command names are shown whole, later words alone. */
const label = (text) => (/^\S+( \S+)?$/.test(text) ? text : text.slice(text.search(/\S+$/)))
