// The page's words in the reader's language: one table per language, `{name}` placeholders, plurals by the language's rules.

import en from '../i18n/en.js'
import zh from '../i18n/zh.js'

export const TABLES = { en, zh }
const TAGS = { en: 'en', zh: 'zh-Hans' }

/** Returns `t(key, values)` for a language. A key with plural forms (`x.one`, `x.other`) is chosen by `values.n`. */
export function translator(lang) {
  const table = TABLES[lang] ?? en
  const tag = TAGS[lang] ?? 'en'
  const plural = new Intl.PluralRules(tag)
  const number = new Intl.NumberFormat(tag)
  return (key, values = {}) => {
    const form = table[key] ?? table[`${key}.${plural.select(Number(values.n ?? 0))}`] ?? table[`${key}.other`] ?? key
    return form.replace(/\{(\w+)\}/g, (whole, name) => {
      const value = values[name]
      return typeof value === 'number' || typeof value === 'bigint' ? number.format(value) : (value ?? whole)
    })
  }
}

/** The language of the page, and everyone who must know when it changes. */
export class Words {
  #listeners = []

  constructor(lang) {
    this.set(lang)
  }

  set(lang) {
    this.lang = lang in TABLES ? lang : 'en'
    this.tag = TAGS[this.lang]
    this.t = translator(this.lang)
    for (const listener of this.#listeners) listener()
  }

  /** Calls `listener` now and at every change. */
  watch(listener) {
    this.#listeners.push(listener)
    listener()
  }
}

/** Puts the words into every element under `root` that names a key: `data-t` for text, `data-t-label`, `-title`, `-placeholder`, `-content` for attributes. */
export function translate(root, t) {
  for (const el of root.querySelectorAll('[data-t]')) el.textContent = t(el.dataset.t)
  for (const [data, attribute] of [['tLabel', 'aria-label'], ['tTitle', 'title'], ['tPlaceholder', 'placeholder'], ['tContent', 'content']]) {
    const selector = `[data-${data.replace(/[A-Z]/g, (c) => '-' + c.toLowerCase())}]`
    for (const el of root.querySelectorAll(selector)) el.setAttribute(attribute, t(el.dataset[data]))
  }
}
