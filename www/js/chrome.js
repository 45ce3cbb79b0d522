// What every page has at its top: the language and the colours, chosen with buttons and kept in this browser.

import { $, recall, remember } from './dom.js'
import { translate, Words } from './i18n.js'

/** Returns the page's words, which follow the buttons. */
export function chrome() {
  const words = new Words(document.documentElement.lang.startsWith('zh') ? 'zh' : 'en')
  chooseLanguage(words)
  chooseTheme()
  return words
}

function chooseLanguage(words) {
  words.watch(() => {
    document.documentElement.lang = words.tag
    translate(document, words.t)
    press('lang', words.lang)
  })
  $('lang').addEventListener('click', ({ target }) => {
    const { value } = target.closest('button') ?? {}
    if (!value) return
    remember('lang', value)
    words.set(value)
  })
}

function chooseTheme() {
  press('theme', recall('theme') ?? 'auto')
  $('theme').addEventListener('click', ({ target }) => {
    const { value } = target.closest('button') ?? {}
    if (!value) return
    remember('theme', value)
    if (value === 'auto') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = value
    press('theme', value)
  })
}

/** Marks the button of `value` in a group of buttons. */
export function press(group, value) {
  for (const button of $(group).children) button.setAttribute('aria-pressed', String(button.value === value))
}
