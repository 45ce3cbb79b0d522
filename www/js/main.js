// Starts the page: opens the database and connects terminal, keyspace, figures and first steps.

import { chrome } from './chrome.js'
import { CommandBook } from './complete.js'
import { DataDialog } from './data.js'
import { openStore } from './db.js'
import { $, el } from './dom.js'
import { Keyspace } from './keyspace.js'
import { Status, banner } from './status.js'
import { Steps } from './steps.js'
import { TabsDialog } from './tabs.js'
import { Terminal } from './terminal.js'
import { bytes, millis } from './units.js'

const DATABASE = 'tour'

const words = chrome()
copySample()
start().catch(showFailure)

async function start() {
  if (typeof WebAssembly === 'undefined') throw Object.assign(new Error('WebAssembly is undefined'), { reason: 'wasm' })
  const store = await openStore(DATABASE, ({ done }) => {
    // How much there is altogether is not known of the log.
    $('stat-state').textContent = words.t('status.loading', { size: bytes(done) })
  })
  const status = new Status({ store, words })
  // The terminal and the view of the keys know each other only by these calls.
  let terminal = null
  const keyspace = new Keyspace({
    store,
    words,
    paused: () => terminal?.monitored ?? false,
    type: (line) => terminal.type(line),
    onRead: () => status.refresh(),
  })
  const book = new CommandBook(store.commands)
  terminal = new Terminal({
    store,
    words,
    book,
    keyNames: () => keyspace.names,
    onCommand: () => keyspace.refresh(),
    onSelect: (db) => keyspace.select(db),
  })
  new Steps({ terminal, words, book })
  new DataDialog({ store, words, onData: () => keyspace.refresh() })
  new TabsDialog({ store, words, onStopped: () => banner(words, 'tabs.stopped', {}, 'warn') })
  const keys = status.greet()
  terminal.note('term.welcome')
  terminal.note(keys ? 'term.welcomeBack' : 'term.welcomeHint', { n: keys, ms: millis(store.openMs) })
  if (matchMedia('(hover: hover) and (min-width: 900px)').matches) $('command').focus({ preventScroll: true })
  document.documentElement.dataset.ready = 'true'
}

function copySample() {
  $('copy').addEventListener('click', async () => {
    await navigator.clipboard?.writeText($('sample').textContent).catch(() => {})
    $('copy').textContent = words.t('use.copied')
    $('announce').textContent = words.t('use.copied')
    setTimeout(() => ($('copy').textContent = words.t('use.copy')), 1500)
  })
}

/** Says in words what went wrong and what to do; the page has no use without its engine. */
function showFailure(error) {
  console.error(error)
  const reason = error.reason ?? (/import|module|fetch|wasm|load/i.test(error.message) ? 'load' : 'other')
  const title = el('h2')
  const what = el('p')
  const details = el('p', { class: 'meta' })
  const again = el('button', { type: 'button', class: 'primary' })
  again.addEventListener('click', () => location.reload())
  document.querySelector('main').replaceChildren(el('section', { class: 'panel failure', role: 'alert' }, title, what, details, again))
  words.watch(() => {
    title.textContent = words.t('error.title')
    what.textContent = words.t(`error.${reason}`)
    details.textContent = words.t('error.details', { message: error.message })
    again.textContent = words.t('error.reload')
    $('stat-state').textContent = words.t('status.failed')
  })
  $('stat-state').dataset.state = 'failed'
  $('reload').disabled = true
  document.documentElement.dataset.ready = 'failed'
}
