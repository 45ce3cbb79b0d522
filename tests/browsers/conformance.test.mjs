// The suite of the browser host (tests/wasm_suite, with the conformance of storages) in Firefox and WebKitGTK, window and worker.
// Chromium runs it through wasm-bindgen's own driver; here its runner only serves the page.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { root } from '../tools/process.mjs'
import { BROWSERS } from './drive.mjs'

for (const [name, start] of Object.entries(BROWSERS)) {
  test(`the wasm suite in ${name}`, async (t) => {
    const browser = await start()
    t.diagnostic(browser.version)
    try {
      for (const place of ['window', 'worker']) {
        for (const [title, good] of await run(browser, `wasm_${place}`)) {
          await t.test(`${place}: ${title}`, () => assert.ok(good, 'the page says why'))
        }
      }
    } finally {
      await browser.stop()
    }
  })
}

/** Runs a test program in the browser. Returns its tests with whether they passed. */
async function run(browser, program) {
  const site = await serve(program)
  try {
    const page = await browser.open(site.address)
    const output = await page.evaluate(async () => {
      for (;;) {
        const text = document.querySelector('#output')?.textContent ?? ''
        if (/^test result:/m.test(text)) return text
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    })
    const found = [...output.matchAll(/^test (\S+) \.\.\. (\w+)$/gm)].map(([, title, word]) => [title, word === 'ok'])
    assert.ok(found.length > 0, output)
    if (!found.every(([, good]) => good)) console.log(output)
    await page.close()
    return found
  } finally {
    site.stop()
  }
}

/** Builds the test program and serves its page. */
async function serve(program) {
  const env = { ...process.env, NO_HEADLESS: '1', WASM_BINDGEN_TEST_ADDRESS: '127.0.0.1:0' }
  const args = ['test', '--target', 'wasm32-unknown-unknown', '--test', program]
  // A group of its own: cargo does not pass the end on to the runner.
  const child = spawn('cargo', args, { cwd: root, env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /http:\/\/\S+/.exec(line)?.[0]
    if (address) return { address, stop: () => process.kill(-child.pid) }
  }
  throw new Error(`${program} was not built or not served`)
}
