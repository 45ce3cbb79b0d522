// What the page's HTML promises: no request elsewhere, one import map that its policy allows.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

const www = new URL('../../www/', import.meta.url)
const read = (path) => readFileSync(new URL(path, www), 'utf8')
const html = read('index.html')

test('the policy allows the import map as it stands', () => {
  const [, map] = /<script type="importmap">(.*?)<\/script>/s.exec(html)
  const hash = createHash('sha256').update(map).digest('base64')
  assert.ok(html.includes(`'sha256-${hash}'`), `put 'sha256-${hash}' into the Content-Security-Policy of www/index.html`)
  assert.deepEqual(JSON.parse(map), { imports: { tabdis: './pkg/dist/index.js' } })
})

test('nothing on the page names another site', () => {
  const files = ['index.html', 'compat.html', 'style.css', ...readdirSync(new URL('js/', www)).map((f) => `js/${f}`), ...readdirSync(new URL('i18n/', www)).map((f) => `i18n/${f}`)]
  for (const file of files) assert.doesNotMatch(read(file).replaceAll('http://www.w3.org/2000/svg', ''), /\bhttps?:\/\/|url\(/, file)
})

test('only one file knows the package', () => {
  for (const file of readdirSync(new URL('js/', www))) {
    if (file !== 'db.js') assert.doesNotMatch(read(`js/${file}`), /(from|import\()\s*['"]tabdis['"]/, file)
  }
})
