// The dialog about the data: how safe it is, and taking it out and in as an RDB file.

import assert from 'node:assert/strict'
import { readFile, writeFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startSite } from './browser.mjs'

let site
let folder
before(async () => {
  site = await startSite()
  folder = await mkdtemp(join(tmpdir(), 'tabdis-'))
})
after(async () => {
  await site?.stop()
  await rm(folder, { recursive: true, force: true })
})

const openDialog = async (page) => {
  await page.getByRole('button', { name: 'Your data…' }).click()
  const dialog = page.getByRole('dialog', { name: 'Your data' })
  await dialog.waitFor()
  return dialog
}

test('what was downloaded can be loaded again, after a question where data is replaced', () =>
  site.visit({}, async (screen, page) => {
    await screen.run('MSET a 1 b 2')
    await screen.run('HSET h f v')
    const dialog = await openDialog(page)
    const [download] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: 'Download dump.rdb' }).click()])
    assert.match(download.suggestedFilename(), /^tabdis-[-\d]+\.rdb$/)
    const file = join(folder, 'dump.rdb')
    await download.saveAs(file)
    assert.match((await readFile(file)).subarray(0, 9).toString('latin1'), /^REDIS00\d\d$/)
    await dialog.getByText(/^The file has/).waitFor()

    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'hidden' })
    await screen.run('FLUSHALL')
    await screen.run('SET other 1')

    await openDialog(page)
    const questions = []
    page.once('dialog', (question) => (questions.push(question.message()), question.dismiss()))
    await page.locator('#data-file').setInputFiles(file)
    await page.waitForFunction(() => !document.querySelector('#data-load').disabled)
    assert.deepEqual(questions, ['1 key is replaced by what is in dump.rdb. Go on?'])
    page.once('dialog', (question) => question.accept())
    await page.locator('#data-file').setInputFiles(file)
    await dialog.getByText('3 keys loaded from dump.rdb.').waitFor()
    await dialog.getByRole('button', { name: 'Close' }).click()
    await screen.row('h').waitFor()
    assert.equal(await screen.run('MGET a b other'), '1) "1"\n2) "2"\n3) (nil)')
  }))

test('a file that is none changes nothing and says why', () =>
  site.visit({}, async (screen, page) => {
    const file = join(folder, 'broken.rdb')
    await writeFile(file, 'this is no snapshot')
    await screen.run('SET a 1')
    const dialog = await openDialog(page)
    page.once('dialog', (question) => question.accept())
    await page.locator('#data-file').setInputFiles(file)
    await dialog.getByText(/^Nothing was changed: .*RDB/).waitFor()
    await page.keyboard.press('Escape')
    assert.equal(await screen.run('GET a'), '"1"')
  }))

test('the dialog says where the data is, what is promised, and how much room there is', () =>
  site.visit({}, async (screen, page) => {
    await screen.run('SET a 1')
    const dialog = await openDialog(page)
    await dialog.getByText(/in IndexedDB, in this browser only$/).waitFor()
    await dialog.getByText(/outlives the tab and the browser/).waitFor()
    await dialog.getByText(/ of .* used$/).waitFor()
    await dialog.getByText(/^The browser (keeps it|may remove it)\.$/).waitFor()
    assert.equal(await page.evaluate(() => document.querySelector('#data').contains(document.activeElement)), true)
  }))

test('at 360 px the dialog fits', () =>
  site.visit({ viewport: { width: 360, height: 640 }, locale: 'zh-CN', isMobile: true, hasTouch: true }, async (screen, page) => {
    await page.getByRole('button', { name: '你的数据…' }).click()
    await page.getByRole('dialog').waitFor()
    const wide = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.querySelector('#data')
      return scrollWidth - clientWidth + document.documentElement.scrollWidth - document.documentElement.clientWidth
    })
    assert.equal(wide, 0)
  }))
