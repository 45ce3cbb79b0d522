// The compatibility table in a real browser: search, filters, keyboard, languages, narrow screens.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startSite } from './browser.mjs'

let site
before(async () => {
  site = await startSite()
})
after(() => site?.stop())

/** Opens the table, runs `body` on it and closes it. */
async function visit(options, body) {
  const screen = await site.open({ path: 'compat.html', ...options })
  await body(screen.page)
  await screen.close()
}

const shown = (page) => page.locator('#rows strong').allTextContents()

test('typing narrows the table, and the address keeps what was typed', () =>
  visit({}, async (page) => {
    assert.ok((await shown(page)).length > 200)
    await page.keyboard.press('/')
    await page.keyboard.type('zrange withscores')
    assert.ok((await shown(page)).includes('ZRANGE'))
    const n = (await shown(page)).length
    assert.equal(await page.getByRole('status').textContent(), `${n} commands shown`)
    await page.reload()
    await page.waitForSelector('html[data-ready="true"]', { state: 'attached' })
    assert.equal((await shown(page)).length, n)
    await page.getByRole('searchbox').fill('nosuchcommand')
    await page.getByText('No command matches.').waitFor()
    await page.getByRole('button', { name: 'Show all' }).click()
    assert.ok((await shown(page)).length > 200)
    assert.equal(new URL(page.url()).search, '')
  }))

test('status and family are chosen with the keyboard alone', () =>
  visit({}, async (page) => {
    await page.getByRole('button', { name: /^Differs \d+$/ }).focus()
    await page.keyboard.press('Enter')
    const button = page.getByRole('button', { name: /^Differs \d+$/, pressed: true })
    assert.ok(await button.evaluate((node) => node === document.activeElement), 'the focus stays')
    const differing = (await shown(page)).length
    assert.equal(`Differs ${differing}`, await button.textContent())
    assert.equal(await page.locator('#rows .mark:not([data-status="differs"])').count(), 0)
    await page.getByRole('combobox', { name: 'Family' }).selectOption('server')
    assert.ok((await shown(page)).length < differing)
  }))

test('a row says its options, its first version and how it was proven', () =>
  visit({}, async (page) => {
    await page.getByRole('searchbox').fill('zrange withscores byscore')
    const row = page.getByRole('row').filter({ has: page.getByText('ZRANGE', { exact: true }) })
    await row.getByText('Options compared: BYSCORE BYLEX REV LIMIT WITHSCORES').waitFor()
    await row.getByRole('cell', { name: '1.2.0' }).waitFor()
    await row.getByRole('cell', { name: /^Equal/ }).waitFor()
  }))

test('landmarks, headings, names; the skip link leads to the table', () =>
  visit({}, async (page) => {
    for (const role of ['banner', 'main', 'contentinfo', 'search', 'table']) assert.equal(await page.getByRole(role).count(), 1, role)
    assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1)
    await page.getByRole('region', { name: 'Compatibility' }).waitFor()
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll('button, input, select, a')].filter((node) => !(node.getAttribute('aria-label') || node.textContent.trim())).map((node) => node.outerHTML),
    )
    assert.deepEqual(nameless, [])
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    assert.equal(await page.evaluate(() => document.activeElement.id), 'table')
  }))

test('the first page leads here, and back', () =>
  visit({}, async (page) => {
    await page.getByRole('link', { name: 'Try it in this tab' }).click()
    await page.getByRole('link', { name: 'What is like Redis, command by command' }).click()
    await page.waitForURL('**/compat.html')
  }))

for (const [locale, heading] of [['en-US', 'Compatibility'], ['zh-CN', '兼容性']]) {
  test(`at 360 px nothing scrolls sideways (${locale})`, () =>
    visit({ locale, viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true }, async (page) => {
      await page.getByRole('heading', { name: heading }).waitFor()
      const [width, scrolls] = await page.evaluate(() => [innerWidth, document.documentElement.scrollWidth])
      assert.equal(width, 360)
      assert.ok(scrolls <= 360, `the page is ${scrolls} px wide`)
    }))
}

test('a table that cannot be loaded is said in words', async () => {
  const screen = await site.open({ path: 'compat.html', ready: 'failed', setup: (page) => page.route('**/compat.json', (route) => route.abort()) })
  await screen.page.getByText('The table could not be loaded.').waitFor()
  await screen.close()
})
