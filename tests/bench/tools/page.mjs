// Runs benchmarks in a page of Chromium whose profile is on the disk, with the package and its peers at hand.
import { join } from 'node:path'
import { inPage, startBrowser } from '../../package/browser.mjs'
import { root } from '../../tools/process.mjs'
import { median, round } from './report.mjs'

/** What the page can import. */
export const folders = {
  '/pkg/': join(root, 'pkg'),
  '/node_modules/': join(root, 'node_modules'),
  '/tools/': join(root, 'tests/bench/tools'),
}

/**
 * Runs `work(call)` and returns what it returns. `call(body, arg)` runs `body(t, arg)` in the page; `call.reload()` starts the page
 * anew, with all that is stored.
 */
export async function withPage(work) {
  const site = await startBrowser(folders)
  try {
    const page = await site.pageOnDisk()
    page.setDefaultTimeout(0)
    const call = (body, arg) => inPage(page, body, arg)
    call.reload = () => page.reload()
    return await work(call)
  } finally {
    await site.stop()
  }
}

/** A median of times (ms) for people. */
export const ms = (times) => `${round(median(times))} ms`

/** The median of the ratios of two lists of the same length. */
export const ratio = (these, those) => median(these.map((value, n) => value / those[n]))
