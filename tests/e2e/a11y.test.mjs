// What a screen reader, a keyboard and weak eyes need: names, landmarks, a live log, contrast.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startSite } from './browser.mjs'

let site
before(async () => {
  site = await startSite()
})
after(() => site?.stop())

/** Opens a page that shows a bit of everything. */
async function busyPage(options) {
  const screen = await site.open(options)
  for (const line of ['FLUSHALL', 'SET a 1 EX 5', 'HSET h f v', 'RPUSH l 1 2', 'SADD s x', 'ZADD z 1 m', 'XADD x * f v', 'INCR h', 'GET none', 'help get']) await screen.run(line)
  await screen.row('h').waitFor()
  await screen.page.getByRole('button', { name: 'h', exact: true }).click()
  await screen.page.locator('#value .content').waitFor()
  await screen.command.fill('SET ')
  return screen
}

test('landmarks, headings, names and labels', async () => {
  const screen = await busyPage()
  const { page } = screen
  for (const role of ['banner', 'main', 'contentinfo']) assert.equal(await page.getByRole(role).count(), 1, role)
  for (const name of ['The database', 'Terminal', 'First steps', 'Keys', 'Value of h']) await page.getByRole('region', { name, exact: true }).waitFor()
  assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1)
  const log = page.getByRole('log', { name: 'Output of client 1' })
  assert.equal(await log.getAttribute('aria-live'), 'polite')
  await page.getByRole('textbox', { name: /Command for client 1, prompt tabdis>/ }).waitFor()
  await page.getByRole('tab', { name: 'Client 1', selected: true }).waitFor()
  const problems = await page.evaluate(() => {
    const found = []
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id)
    found.push(...ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `id twice: ${id}`))
    for (const node of document.querySelectorAll('button, input, select, textarea, a')) {
      const name = node.getAttribute('aria-label') || node.textContent.trim() || node.labels?.[0]?.textContent
      if (!name) found.push(`no name: ${node.outerHTML.slice(0, 90)}`)
    }
    for (const node of document.querySelectorAll('[aria-labelledby], [aria-describedby], [aria-controls]')) {
      for (const attribute of ['aria-labelledby', 'aria-describedby', 'aria-controls']) {
        for (const id of (node.getAttribute(attribute) ?? '').split(' ').filter(Boolean)) if (!document.getElementById(id)) found.push(`${attribute} names no element: ${id}`)
      }
    }
    for (const img of document.images) if (!img.hasAttribute('alt')) found.push(`no alt: ${img.src}`)
    return found
  })
  assert.deepEqual(problems, [])
  assert.ok(await page.locator('meta[name="description"]').getAttribute('content'))
  await screen.close()
})

test('the skip link leads to the terminal, and what has the focus shows it', async () => {
  // On a narrow screen the page leaves the focus where it is.
  const screen = await site.open({ viewport: { width: 800, height: 900 } })
  const { page } = screen
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip')
  await page.keyboard.press('Enter')
  assert.equal(await page.evaluate(() => document.activeElement.id), 'command')
  const seen = []
  for (let i = 0; i < 30; i++) {
    await page.keyboard.press('Tab')
    const { name, outline } = await page.evaluate(() => {
      const node = document.activeElement
      if (node === document.body) return {}
      return { name: node.getAttribute('aria-label') || node.textContent.trim().slice(0, 30) || node.id, outline: getComputedStyle(node).outlineStyle }
    })
    if (!name || seen.includes(name)) break
    seen.push(name)
    assert.notEqual(outline, 'none', `${name} does not show the focus`)
  }
  assert.ok(seen.length > 8, seen.join(', '))
  await screen.close()
})

for (const colorScheme of ['light', 'dark']) {
  test(`text has a contrast of at least 4.5 (${colorScheme})`, async () => {
    const screen = await busyPage({ colorScheme })
    const weak = await screen.page.evaluate(() => {
      const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
      const rgba = (color) => {
        canvas.clearRect(0, 0, 1, 1)
        canvas.fillStyle = color
        canvas.fillRect(0, 0, 1, 1)
        return [...canvas.getImageData(0, 0, 1, 1).data]
      }
      const over = ([r, g, b, a], [R, G, B]) => [r, g, b].map((c, i) => (c * a) / 255 + [R, G, B][i] * (1 - a / 255))
      const luminance = (c) => c.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
      const background = (node) => {
        if (!node) return [255, 255, 255]
        const color = rgba(getComputedStyle(node).backgroundColor)
        return color[3] === 255 ? color.slice(0, 3) : over(color, background(node.parentElement))
      }
      const found = new Map()
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
      while (walker.nextNode()) {
        const node = walker.currentNode.parentElement
        if (!walker.currentNode.data.trim() || !node.checkVisibility({ checkVisibilityCSS: true }) || node.closest('.sr, .skip, script, noscript')) continue
        const back = background(node)
        const front = over(rgba(getComputedStyle(node).color), back)
        const [hi, lo] = [luminance(front), luminance(back)].sort((a, b) => b - a)
        const ratio = (hi + 0.05) / (lo + 0.05)
        if (ratio < 4.5) found.set(`${node.tagName}.${node.className} ${walker.currentNode.data.trim().slice(0, 20)}`, ratio.toFixed(2))
      }
      return [...found]
    })
    assert.deepEqual(weak, [])
    await screen.close()
  })
}
