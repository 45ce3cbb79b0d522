// Every word of the page exists in every language, and every key that the page names exists.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { TABLES, translator } from '../../www/js/i18n.js'
import { TOPICS } from '../../www/js/steps.js'

const www = new URL('../../www/', import.meta.url)
const html = ['index.html', 'compat.html'].map((file) => readFileSync(new URL(file, www), 'utf8')).join('\n')
const { en, zh } = TABLES

test('both languages have the same keys, all of them filled', () => {
  assert.deepEqual(Object.keys(zh), Object.keys(en))
  for (const [lang, table] of Object.entries(TABLES)) {
    for (const [key, text] of Object.entries(table)) assert.ok(text.trim(), `${lang} ${key} is empty`)
  }
})

test('both languages fill in the same values', () => {
  const names = (text) => [...new Set(text.match(/\{\w+\}/g))].sort()
  for (const key of Object.keys(en)) assert.deepEqual(names(zh[key]), names(en[key]), key)
})

test('every key named in the page exists, and the words in the HTML are those of the English table', () => {
  const unescape = (s) => s.replace(/&gt;/g, '>').replace(/&lt;/g, '<').replace(/&quot;/g, '"').replace(/&amp;/g, '&')
  for (const [, attributes, key, , text] of html.matchAll(/<[a-z0-9]+([^>]*?) data-t="([\w.]+)"([^>]*)>([^<]*)/g)) {
    assert.equal(unescape(text), en[key], `${key} in ${attributes}`)
  }
  for (const [, name, key] of html.matchAll(/data-t-(label|title|placeholder|content)="([\w.]+)"/g)) {
    assert.ok(en[key], `${name} ${key}`)
    assert.ok(html.includes(`"${en[key].replace(/"/g, '&quot;')}"`), `${key} is not what the HTML says`)
  }
})

test('every key named in the code exists, and no key is left over', () => {
  const code = readdirSync(new URL('js/', www)).map((file) => readFileSync(new URL(`js/${file}`, www), 'utf8')).join('\n') + html
  const has = (key) => key in en || `${key}.other` in en
  for (const [, key] of code.matchAll(/['"`]((?:page|lang|theme|status|restored|banner|term|help|steps|keys|size|value|use|foot|compat|data|tabs|error)\.[a-zA-Z.]+)['"`]/g)) {
    assert.ok(has(key) || /\.(js|json|css|html|svg)$/.test(key), `no words for ${key}`)
  }
  const topics = new Set(TOPICS.flatMap(({ id, steps }) => [`steps.${id}`, ...steps.map((_, i) => `steps.${id}.${i + 1}`)]))
  // Without JavaScript both languages stand in the page.
  for (const table of [en, zh]) assert.ok(html.includes(table['page.noscript']))
  for (const key of Object.keys(en).filter((key) => key !== 'page.noscript')) {
    const base = key.replace(/\.(one|other)$/, '')
    const built = [/^status\./, /^data\.mode\./, /^tabs\.(leader|follower|seeking)$/, /^size\./, /^value\./, /^compat\.(options\.)?(equal|newer|differs|untested|missing)/, /^error\.(load|other|wasm)$/].some((pattern) => pattern.test(key))
    assert.ok(topics.has(key) || built || code.includes(`'${base}'`) || code.includes(`"${base}"`), `${key} is never used`)
  }
  for (const key of topics) assert.ok(key in en, `no words for ${key}`)
})

test('values are filled in, numbers in the manner of the language, plurals by its rules', () => {
  const t = translator('en')
  assert.equal(t('keys.count', { n: 1 }), '1 key')
  assert.equal(t('keys.count', { n: 12345 }), '12,345 keys')
  assert.equal(translator('zh')('keys.count', { n: 1 }), '1 个键')
  assert.equal(t('value.title', { key: '{n}' }), 'Value of {n}')
  assert.equal(t('no.such.key'), 'no.such.key')
})
