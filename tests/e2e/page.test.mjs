// The page in a real browser: reloads, first steps, the view of the keys, languages, narrow screens, failures.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startSite } from './browser.mjs'

let site
before(async () => {
  site = await startSite()
})
after(() => site?.stop())

const visit = (options, body) => site.visit(options, body)

test('what is typed is there after a reload, and the page says so', () =>
  visit({}, async (screen, page) => {
    assert.equal(await screen.run('SET greeting "hello, tab"'), 'OK')
    assert.equal(await screen.run('RPUSH jobs a b c'), '(integer) 3')
    await screen.row('greeting').waitFor()
    await page.getByRole('button', { name: 'Reload the page' }).click()
    await page.waitForURL(site.address)
    await page.getByText(/^2 keys restored in [\d.,]+ ms/).waitFor()
    assert.equal(await screen.run('GET greeting'), '"hello, tab"')
    assert.equal(await screen.run('LRANGE jobs 0 -1'), '1) "a"\n2) "b"\n3) "c"')
    assert.equal(await page.locator('#stat-keys').textContent(), '2')
    assert.equal(await page.locator('#stat-state').textContent(), 'Saved')
  }))

test('first steps type into the terminal', () =>
  visit({}, async (screen, page) => {
    await page.getByRole('button', { name: /^INCR visits/ }).click()
    await screen.sees('(integer) 1')
    await screen.row('visits').waitFor()
    await page.getByRole('button', { name: 'Pub/sub' }).click()
    await page.getByRole('button', { name: /^SUBSCRIBE news/ }).click()
    await screen.sees('"subscribe"')
    await page.getByRole('button', { name: /^PUBLISH news/ }).click()
    await screen.sees('"hello from another client"')
    await page.getByRole('button', { name: /^UNSUBSCRIBE news/ }).click()
    await screen.sees('"unsubscribe"')
    assert.equal(await screen.prompt(), 'tabdis> ')
  }))

test('every first step runs without an error', () =>
  visit({}, async (screen, page) => {
    for (const topic of await page.locator('#topics button').all()) {
      await topic.click()
      const count = await page.locator('#steps button').count()
      for (let i = 0; i < count; i++) {
        const entries = await screen.log.locator('> *').count()
        await page.locator('#steps button').nth(i).click()
        await page.waitForFunction((n) => document.querySelector('.log:not([hidden])').childElementCount >= n + 2, entries)
      }
    }
    assert.equal(await page.locator('.r-error').count(), 0)
  }))

test('the view of the keys follows the terminal: types, TTLs that count down, values, expiry', () =>
  visit({}, async (screen, page) => {
    await page.locator('#empty', { hasText: 'No keys yet' }).waitFor()
    await screen.run('HSET user:1 name Ada city London')
    await screen.run('ZADD game 310 ada 275 alan')
    await screen.run('SET soon x PX 2500')
    await screen.row('soon').waitFor()
    assert.equal(await screen.row('user:1').locator('.type').textContent(), 'hash')
    assert.equal(await screen.row('user:1').locator('.c-size').textContent(), '2 fields')
    assert.match(await screen.row('soon').locator('.c-ttl').textContent(), /^[123]s$/)
    await screen.row('soon').waitFor({ state: 'detached', timeout: 6000 })

    await page.getByRole('button', { name: 'user:1', exact: true }).click()
    const value = page.getByRole('region', { name: 'Value of user:1' })
    await value.getByRole('cell', { name: 'London' }).waitFor()
    await screen.run('HSET user:1 city Paris')
    await value.getByRole('cell', { name: 'Paris' }).waitFor()
    await value.getByRole('button', { name: 'Close' }).focus()
    await page.keyboard.press('Escape')
    await value.waitFor({ state: 'hidden' })
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'user:1')

    await page.getByRole('searchbox', { name: 'Filter keys' }).fill('user')
    await screen.row('game').waitFor({ state: 'detached' })
    assert.equal(await page.locator('#keys-count').textContent(), '1 match')
    await page.getByRole('searchbox', { name: 'Filter keys' }).fill('nothing')
    await page.locator('#empty', { hasText: 'No key matches “nothing”' }).waitFor()
  }))

test('every type has a view of its value', () =>
  visit({}, async (screen, page) => {
    const made = {
      text: ['SET text "line one"', 'line one'], list: ['RPUSH list first', 'first'], set: ['SADD set member', 'member'],
      zset: ['ZADD zset 1.5 scored', '1.5'], hash: ['HSET hash field inside', 'inside'], stream: ['XADD stream 1-1 page home', 'page=home'],
    }
    if (!(await screen.knows('XADD'))) delete made.stream
    for (const [key, [line, seen]] of Object.entries(made)) {
      await screen.run(line)
      await page.getByRole('button', { name: key, exact: true }).click()
      await page.locator('#value .content', { hasText: seen }).waitFor()
    }
  }))

test('the arrow keys move through the keys with one tab stop', () =>
  visit({}, async (screen, page) => {
    await screen.run('MSET a 1 b 2 c 3')
    await screen.row('c').waitFor()
    await page.getByRole('button', { name: 'a', exact: true }).focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'c')
    assert.equal(await page.locator('#rows button[tabindex="0"]').count(), 1)
  }))

for (const locale of ['en-US', 'zh-CN']) {
  test(`at 360 px nothing scrolls sideways (${locale})`, () =>
    visit({ locale, viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true }, async (screen, page) => {
      await screen.run(`SET ${'long-key:'.repeat(20)} ${'value'.repeat(60)} EX 86399`)
      await screen.run(`GET ${'long-key:'.repeat(20)}`)
      await screen.run('SUBSCRIBE news')
      await screen.command.fill('ZADD some:key ')
      await page.locator('#rows button').first().click()
      await page.locator('#value .content').waitFor()
      const [width, scrolls] = await page.evaluate(() => [innerWidth, document.documentElement.scrollWidth])
      assert.equal(width, 360)
      assert.ok(scrolls <= 360, `the page is ${scrolls} px wide`)
      const order = await page.evaluate(() => ['.terminal', '.keyspace'].map((s) => document.querySelector(s).getBoundingClientRect().top))
      assert.ok(order[0] < order[1], 'the terminal comes first')
    }))
}

test('Chinese by the browser’s choice, English at a click, and the choice is kept', () =>
  visit({ locale: 'zh-CN' }, async (screen, page) => {
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-Hans')
    assert.equal(await page.title(), 'tabdis：在此标签页中运行的 Redis')
    await page.getByRole('button', { name: '刷新页面' }).waitFor()
    await screen.run('SADD tags a b')
    await page.getByRole('cell', { name: '2 个成员' }).waitFor()
    await page.getByRole('button', { name: 'EN' }).click()
    await page.getByRole('cell', { name: '2 members' }).waitFor()
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'en')
    await page.reload()
    await page.getByRole('button', { name: 'Reload the page' }).waitFor()
  }))

test('dark and light follow the system until chosen', () =>
  visit({ colorScheme: 'dark' }, async (screen, page) => {
    const dark = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    const first = await dark()
    await page.getByRole('button', { name: 'Light' }).click()
    assert.notEqual(await dark(), first)
    await page.reload()
    await page.waitForSelector('html[data-ready="true"]', { state: 'attached' })
    assert.notEqual(await dark(), first)
    await page.getByRole('button', { name: 'As the system' }).click()
    assert.equal(await dark(), first)
  }))

test('without IndexedDB the page works and says what that means', () =>
  visit({ setup: (page) => page.addInitScript(() => Object.defineProperty(globalThis, 'indexedDB', { value: undefined })) }, async (screen, page) => {
    await page.getByRole('alert').filter({ hasText: 'no IndexedDB' }).waitFor()
    assert.equal(await screen.run('SET a 1'), 'OK')
    assert.equal(await page.locator('#stat-state').textContent(), 'Memory only')
  }))

test('an engine that cannot be loaded is said in words, with what to do', async () => {
  const screen = await site.open({ ready: 'failed', setup: (page) => page.route('**/pkg/**', (route) => route.abort()) })
  const alert = screen.page.getByRole('alert')
  await alert.getByText('The engine could not start').waitFor()
  await alert.getByText(/npm run build/).waitFor()
  await alert.getByRole('button', { name: 'Reload' }).waitFor()
  await screen.close()
})

test('a second tab has the same data, shows who leads, and goes on when the leader crashes', () =>
  visit({}, async (screen, page) => {
    await screen.run('SET first tab')
    await screen.sees('OK')
    const second = await page.context().newPage()
    await second.goto(site.address)
    await second.waitForSelector('html[data-ready="true"]', { state: 'attached' })
    await second.locator('#rows', { hasText: 'first' }).waitFor()
    await second.locator('#stat-tabs', { hasText: 'follower, 2' }).waitFor()
    await second.getByRole('button', { name: 'Tabs…' }).click()
    await second.locator('#tabs-rows tr[aria-current="true"][data-role="follower"]').waitFor()
    assert.equal(await second.locator('#tabs-rows tr[data-role="leader"]').count(), 1)
    await second.getByRole('button', { name: 'Crash the leader' }).click()
    await second.getByRole('status').filter({ hasText: 'Another tab leads since' }).waitFor()
    await second.locator('#tabs-rows tr[aria-current="true"][data-role="leader"]').waitFor()
    await page.getByRole('alert').filter({ hasText: 'stopped without a word' }).waitFor()
    await second.close()
    await page.reload()
    await page.waitForSelector('html[data-ready="true"]', { state: 'attached' })
    assert.equal(await screen.run('GET first'), '"tab"')
  }))

test('a full disk is said in words; the data stays in the tab, and Reload does not throw it away', () =>
  visit({}, async (screen, page) => {
    await page.evaluate(() => {
      const { transaction } = IDBDatabase.prototype
      globalThis.full = true
      IDBDatabase.prototype.transaction = function (stores, mode, ...rest) {
        if (globalThis.full && mode === 'readwrite') throw new DOMException('no room', 'QuotaExceededError')
        return transaction.call(this, stores, mode, ...rest)
      }
    })
    await screen.run('SET big value')
    await page.getByRole('alert').filter({ hasText: 'no room' }).waitFor()
    assert.equal(await page.locator('#stat-state').textContent(), 'Not saved')
    await page.getByRole('button', { name: 'Reload the page' }).click()
    await page.getByRole('alert').filter({ hasText: 'no room' }).waitFor()
    assert.equal(await screen.run('GET big'), '"value"')
    await page.evaluate(() => (globalThis.full = false))
    await page.getByRole('alert').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Reload the page' }).click()
    await page.getByText(/^1 key restored in/).waitFor()
    assert.equal(await screen.run('GET big'), '"value"')
  }))
