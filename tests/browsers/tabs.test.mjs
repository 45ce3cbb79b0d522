// Several tabs with one database in Firefox: the core of tests/package/tabs.test.mjs. (The driver of WebKitGTK has one tab at a time.)

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { inPage, serve } from '../package/browser.mjs'
import { BROWSERS } from './drive.mjs'

let site, browser
before(async () => {
  site = await serve()
  browser = await BROWSERS.firefox()
})
after(async () => {
  await browser?.stop()
  await site?.stop()
})

/** Opens a tab with the database `name`. */
async function tab(name) {
  const page = await browser.open(site.address)
  await inPage(page, async (t, name) => void (t.db = await t.open(name)), name)
  return page
}

const role = (page) => inPage(page, (t) => t.db.status().tabs.role)

test('tabs have the same data, and what they write is done once and in order', async () => {
  const tabs = [await tab('same'), await tab('same'), await tab('same')]
  assert.deepEqual(await Promise.all(tabs.map(role)), ['leader', 'follower', 'follower'])
  await Promise.all(tabs.map((page) => inPage(page, (t) => Promise.all(Array.from({ length: 100 }, () => t.db.incr('n'))))))
  const found = await Promise.all(tabs.map((page) => inPage(page, async (t) => [await t.db.incrby('n', 0), t.db.sync.get('n')])))
  assert.deepEqual(found, [[300, '300'], [300, '300'], [300, '300']])
  await inPage(tabs[1], (t) => void (t.popped = t.db.blpop('q', 0)))
  await inPage(tabs[2], (t) => t.db.rpush('q', 'job'))
  assert.deepEqual(await inPage(tabs[1], (t) => t.popped), ['q', 'job'])
  for (const page of tabs) await page.close()
})

test('another tab leads when the first is closed, again and again, and nothing answered is lost', async () => {
  const tabs = [await tab('closed'), await tab('closed')]
  let sum = 0
  const times = []
  for (let n = 0; n < 5; n++) {
    sum += await inPage(tabs[1], async (t) => {
      for (let i = 0; i < 20; i++) await t.db.incr('n')
      return 20
    })
    await tabs.shift().close()
    const began = Date.now()
    await inPage(tabs[0], (t) => t.db.incr('n'))
    times.push(Date.now() - began)
    sum++
    tabs.push(await tab('closed'))
  }
  console.log(`Firefox, leader closed: ${times.sort((a, b) => a - b).join(', ')} ms until a write was answered`)
  for (const page of tabs) assert.equal(await inPage(page, async (t) => Number(await t.db.get('n'))), sum)
  for (const page of tabs) await page.close()
})
