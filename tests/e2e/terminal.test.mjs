// The terminal in a real browser: replies, prompt, clients, history, completion, keys.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startSite } from './browser.mjs'

let site
before(async () => {
  site = await startSite()
})
after(() => site?.stop())

const visit = (options, body) => site.visit(options, body)

test('replies look as in redis-cli', () =>
  visit({}, async (screen) => {
    assert.equal(await screen.run('SET odd "a\\"b\\n\\xff"'), 'OK')
    assert.equal(await screen.run('GET odd'), '"a\\"b\\n\\xff"')
    assert.equal(await screen.run('GET none'), '(nil)')
    assert.equal(await screen.run('INCR odd'), '(error) ERR value is not an integer or out of range')
    assert.equal(await screen.run('LRANGE none 0 -1'), '(empty array)')
    assert.equal(await screen.run('GET "open'), 'Invalid argument(s)')
    assert.equal(await screen.run('HSET h f1 v1 f2 v2'), '(integer) 2')
    assert.equal(await screen.run('HGETALL h'), '1) "f1"\n2) "v1"\n3) "f2"\n4) "v2"')
    await screen.run('HELLO 3')
    assert.equal(await screen.run('HGETALL h'), '1# "f1" => "v1"\n2# "f2" => "v2"')
    assert.match(await screen.run('INFO server'), /^# Server\nredis_version:/)
    await screen.run('3 INCR n')
    await screen.sees('(integer) 3')
  }))

test('readable UTF-8 is a switch; without it text is escaped as in redis-cli', () =>
  visit({}, async (screen, page) => {
    await screen.run('SET k 你好')
    assert.equal(await screen.run('GET k'), '"\\xe4\\xbd\\xa0\\xe5\\xa5\\xbd"')
    await page.getByRole('button', { name: 'Readable UTF-8' }).click()
    assert.equal(await screen.run('GET k'), '"你好"')
  }))

test('the prompt shows the database and the transaction', () =>
  visit({}, async (screen, page) => {
    assert.equal(await screen.prompt(), 'tabdis> ')
    await screen.run('SELECT 3')
    assert.equal(await screen.prompt(), 'tabdis[3]> ')
    assert.equal(await page.locator('#db').inputValue(), '3')
    await screen.run('MULTI')
    assert.equal(await screen.prompt(), 'tabdis[3](TX)> ')
    assert.equal(await screen.run('INCR a'), 'QUEUED')
    assert.equal(await screen.run('EXEC'), '1) (integer) 1')
    assert.equal(await screen.prompt(), 'tabdis[3]> ')
    await screen.row('a').waitFor()
    await screen.run('MULTI')
    await screen.run('DISCARD')
    assert.equal(await screen.prompt(), 'tabdis[3]> ')
  }))

test('pub/sub: one client listens, another speaks, Stop ends it', () =>
  visit({}, async (screen, page) => {
    assert.match(await screen.run('SUBSCRIBE news'), /^1\) "subscribe"\n2\) "news"\n3\) \(integer\) 1/)
    assert.equal(await screen.prompt(), 'tabdis(subscribed mode)> ')
    await page.getByRole('button', { name: 'New client' }).click()
    assert.equal(await screen.prompt(), 'tabdis> ')
    assert.equal(await screen.run('PUBLISH news "hello there"'), '(integer) 1')
    await page.getByRole('tab', { name: 'Client 1, new output' }).click()
    await screen.sees('"hello there"')
    await page.getByRole('button', { name: 'Stop' }).click()
    await screen.sees('"unsubscribe"')
    await page.waitForFunction(() => document.querySelector('#prompt').textContent === 'tabdis> ')
    assert.equal(await screen.run('PING'), 'PONG')
  }))

test('a blocking command waits; another client answers it, or Ctrl+C ends it', () =>
  visit({}, async (screen, page) => {
    await screen.command.fill('BLPOP queue 0')
    await screen.command.press('Enter')
    await page.getByText('Waiting for the reply…').waitFor()
    await page.getByRole('button', { name: 'New client' }).click()
    await screen.run('RPUSH queue job')
    await page.getByRole('tab', { name: /Client 1/ }).click()
    await screen.sees('"job"')
    await screen.command.fill('BLPOP queue 0')
    await screen.command.press('Enter')
    await page.getByText('Waiting for the reply…').waitFor()
    await screen.command.press('Control+c')
    await screen.sees('(error) UNBLOCKED client unblocked via CLIENT UNBLOCK')
    assert.equal(await screen.run('PING'), 'PONG')
  }))

test('history, completion and hints', () =>
  visit({}, async (screen, page) => {
    const { command } = screen
    await screen.run('SET user:1 ada')
    await screen.run('GET user:1')
    await command.press('ArrowUp')
    assert.equal(await command.inputValue(), 'GET user:1')
    await command.press('ArrowUp')
    assert.equal(await command.inputValue(), 'SET user:1 ada')
    await command.press('ArrowDown')
    await command.press('ArrowDown')
    assert.equal(await command.inputValue(), '')
    await command.pressSequentially('getr')
    await command.press('Tab')
    assert.equal(await command.inputValue(), 'getrange')
    assert.match(await page.locator('#hint').textContent(), /^ key start end/)
    await command.fill('')
    await command.pressSequentially('GET us')
    await screen.row('user:1').waitFor()
    await command.press('Tab')
    assert.equal(await command.inputValue(), 'GET user:1')
    await command.press('Escape')
    assert.equal(await command.inputValue(), 'GET us')
    await page.reload()
    await page.waitForSelector('html[data-ready="true"]', { state: 'attached' })
    await command.press('ArrowUp')
    assert.equal(await command.inputValue(), 'GET user:1')
  }))

test('Tab on an empty line moves on: the keyboard is never caught', () =>
  visit({}, async (screen, page) => {
    await screen.command.focus()
    await page.keyboard.press('Tab')
    assert.notEqual(await page.evaluate(() => document.activeElement.id), 'command')
  }))

test('pasted lines run one after the other, the last stays to be edited', () =>
  visit({}, async (screen, page) => {
    await screen.command.focus()
    await page.evaluate(() => {
      const data = new DataTransfer()
      data.setData('text', 'SET a 1\nINCR a\r\nINCR a\nGET a')
      document.querySelector('#command').dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))
    })
    await screen.sees('(integer) 3')
    assert.equal(await screen.command.inputValue(), 'GET a')
  }))

test('Ctrl+L clears, Ctrl+C drops the line, help helps', () =>
  visit({}, async (screen) => {
    const { command } = screen
    await command.fill('SET half')
    await command.press('Control+c')
    assert.equal(await command.inputValue(), '')
    assert.match(await screen.printed(), /SET half\^C/)
    await command.press('Control+l')
    assert.equal(await screen.printed(), '')
    assert.match(await screen.run('help get'), /GET key\n {2}summary: /)
    assert.match(await screen.run('help @hash'), /HSET/)
    assert.match(await screen.run('help'), /help @string/)
  }))

test('a long reply is cut and can be shown', () =>
  visit({}, async (screen, page) => {
    await screen.run(`RPUSH long ${Array.from({ length: 2000 }, (_, i) => `item-number-${i}`).join(' ')}`)
    assert.doesNotMatch(await screen.run('LRANGE long 0 -1'), /item-number-1999/)
    await page.getByRole('button', { name: 'Show more' }).click()
    assert.match(await screen.printed(), /2000\) "item-number-1999"/)
  }))

test('MONITOR shows what other clients do, until Stop', (t) =>
  visit({}, async (screen, page) => {
    if (!(await screen.knows('MONITOR'))) return t.skip('this build of the engine has no MONITOR')
    assert.match(await screen.run('MONITOR'), /^OK/)
    await page.getByText('Paused while MONITOR runs').waitFor()
    await page.getByRole('button', { name: 'New client' }).click()
    await screen.run('SET seen 1')
    await page.getByRole('tab', { name: /Client 1/ }).click()
    await screen.sees('"SET" "seen" "1"')
    await page.getByRole('button', { name: 'Stop' }).click()
    await screen.sees('RESET')
    await screen.row('seen').waitFor()
  }))

test('clients keep their own database and draft; arrows move between them; a closed one is gone', () =>
  visit({}, async (screen, page) => {
    await screen.run('SELECT 2')
    await screen.command.fill('GET half')
    await page.getByRole('button', { name: 'New client' }).click()
    assert.equal(await screen.prompt(), 'tabdis> ')
    assert.equal(await screen.command.inputValue(), '')
    await page.getByRole('tab', { name: 'Client 2' }).focus()
    await page.keyboard.press('ArrowLeft')
    assert.equal(await screen.prompt(), 'tabdis[2]> ')
    assert.equal(await screen.command.inputValue(), 'GET half')
    await page.keyboard.press('ArrowRight')
    await page.getByRole('button', { name: 'Close this client' }).click()
    assert.equal(await page.getByRole('tab').count(), 1)
    assert.equal(await screen.prompt(), 'tabdis[2]> ')
  }))

test('a client that is killed gets a new connection, and the page goes on', () =>
  visit({}, async (screen) => {
    await screen.run('SELECT 5')
    await screen.run('CLIENT KILL TYPE normal SKIPME no')
    await screen.sees('it has a new one')
    assert.equal(await screen.prompt(), 'tabdis> ')
    assert.equal(await screen.run('SET after kill'), 'OK')
    await screen.row('after').waitFor()
    await screen.command.fill('BLPOP queue 0')
    await screen.command.press('Enter')
    await screen.page.getByText('Waiting for the reply…').waitFor()
    await screen.command.press('Control+c')
    await screen.sees('UNBLOCKED')
  }))

test('SHUTDOWN ends the engine, says so, and a reload starts it again', () =>
  visit({}, async (screen, page) => {
    await screen.run('SHUTDOWN NOSAVE')
    await page.getByRole('alert').filter({ hasText: 'SHUTDOWN has closed the database' }).waitFor()
    await page.reload()
    await page.waitForSelector('html[data-ready="true"]', { state: 'attached' })
    assert.equal(await screen.run('PING'), 'PONG')
  }))
