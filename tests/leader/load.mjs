// Pages under load while the server is killed again and again: what of the changes that were answered is lost, or done twice?

import { inPage } from '../package/browser.mjs'

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * Has `pages` browsers of `tabs` tabs each push values that nobody else pushes, all to one list, while the server is killed `kills`
 * times, and before each time the tab of one browser that has the connection is closed. Returns figures.
 */
export async function loadPages({ site, leader, token, kills, pages, tabs, onKill = () => {} }) {
  const all = []
  const list = `load${Date.now()}`
  const options = { leader: leader.url, token, offline: 'queue' }
  const answered = []
  let [errors, unanswered, worst, opened] = [0, 0, 0, 0]

  /** Opens a tab that pushes until it is told to end. */
  const openTab = async (context) => {
    const page = await site.page({ context })
    // What it was answered is told at once, so that it is known when it is closed.
    await page.exposeFunction('answered', (value) => void answered.push(value))
    await inPage(
      page,
      async (t, [n, list, options]) => {
        t.db = await t.open('load', options)
        t.errors = 0
        t.running = true
        t.late = 0
        t.done = (async () => {
          for (let i = 0; t.running; i++) {
            const began = performance.now()
            try {
              await t.db.rpush(list, `${n}:${i}`)
              globalThis.answered(`${n}:${i}`)
            } catch (error) {
              t.errors++
              t.error = String(error)
            }
            t.late = Math.max(t.late, performance.now() - began)
            await new Promise((resolve) => setTimeout(resolve, 5))
          }
        })()
      },
      [opened++, list, options],
    )
    return page
  }
  for (let n = 0; n < pages; n++) {
    const browser = [await openTab()]
    while (browser.length < tabs) browser.push(await openTab(browser[0].context()))
    all.push(browser)
  }
  const every = () => all.flat()

  const back = []
  for (let n = 0; n < kills; n++) {
    await pause(500 + Math.random() * 500)
    const browser = all[n % all.length]
    if (browser.length > 1) {
      const links = await Promise.all(browser.map((page) => inPage(page, (t) => t.db.status().leader.link)))
      const [closed] = browser.splice(Math.max(links.findIndex((link) => link !== 'shared'), 0), 1)
      await closed.close()
      browser.push(await openTab(browser[0].context()))
    }
    await leader.kill()
    onKill(n)
    await pause(Math.random() * 500)
    await leader.start()
    const began = Date.now()
    const up = () => Promise.all(every().map((page) => inPage(page, (t) => t.db.status().leader.link !== 'down')))
    while (!(await up()).every(Boolean) && Date.now() - began < 60_000) await pause(10)
    back.push(Date.now() - began)
  }
  await pause(300)
  for (const page of every()) {
    const figures = await inPage(page, async (t) => {
      t.running = false
      const ended = await Promise.race([t.done.then(() => true), new Promise((resolve) => setTimeout(resolve, 20_000))])
      for (let n = 0; n < 1000 && t.db.pending.length > 0; n++) await new Promise((resolve) => setTimeout(resolve, 20))
      return { errors: t.errors, error: t.error, late: t.late, ended, pending: t.db.pending.length }
    })
    errors += figures.errors
    if (figures.error) console.log(figures.error)
    unanswered += (figures.ended ? 0 : 1) + figures.pending
    worst = Math.max(worst, figures.late)
  }
  const client = await leader.client()
  const there = await client.lRange(list, 0, -1)
  client.destroy()
  const known = new Set(there)
  // Every page has the same in the end.
  const differ = []
  for (const page of every()) {
    for (let n = 0; n < 200; n++) {
      const length = await inPage(page, (t, list) => t.db.sync.llen(list), list)
      if (length === there.length) break
      if (n === 199) differ.push(length)
      await pause(20)
    }
  }
  for (const [page] of all) await page.context().close()
  back.sort((a, b) => a - b)
  return {
    answered: answered.length,
    errors,
    lost: answered.filter((value) => !known.has(value)).length + differ.length,
    doubled: there.length - known.size,
    unanswered,
    kills,
    backMedian: back[back.length >> 1],
    backWorst: back.at(-1),
    worstAnswer: Math.round(worst),
  }
}
