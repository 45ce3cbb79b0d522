// The compatibility table: draws compat.json, which `npm run compat` writes, and narrows it to what is searched.

import { chrome } from './chrome.js'
import { filtered, STATUSES, tally } from './compat-rows.js'
import { $, el } from './dom.js'

const words = chrome()
const wish = new URLSearchParams(location.search)
/** What is to be seen; the address carries it, so that it can be sent to somebody. */
const seen = { text: wish.get('q') ?? '', status: wish.get('status') ?? '', group: wish.get('group') ?? '' }

start().catch((error) => {
  console.error(error)
  words.watch(() => ($('count').textContent = words.t('compat.failed')))
  document.documentElement.dataset.ready = 'failed'
})

async function start() {
  const answer = await fetch('compat.json')
  if (!answer.ok) throw new Error(`compat.json: ${answer.status}`)
  const { server, commands } = await answer.json()
  const groups = [...new Set(commands.map(({ group }) => group))].sort()
  $('search').value = seen.text
  $('marks').open = matchMedia('(min-width: 640px)').matches
  let rows = new Map()

  words.watch(() => {
    drawLegend(server, commands)
    const options = groups.map((name) => el('option', { value: name, textContent: name }))
    $('group').replaceChildren(el('option', { value: '', textContent: words.t('compat.groupAll') }), ...options)
    $('group').value = seen.group
    rows = new Map(commands.map((command) => [command, row(command, server)]))
    narrow()
  })

  /** Shows what is wished for. Rows are drawn once and moved, which keeps typing quick. */
  function narrow() {
    const shown = filtered(commands, seen)
    $('rows').replaceChildren(...shown.map((command) => rows.get(command)))
    $('count').textContent = words.t('compat.shown', { n: shown.length })
    $('table').hidden = shown.length === 0
    $('empty').hidden = shown.length > 0
    const counts = tally(filtered(commands, { ...seen, status: '' }))
    const choice = (value, label) => el('button', { type: 'button', value, 'aria-pressed': String(seen.status === value), textContent: label })
    const focused = document.activeElement?.closest?.('#status') && document.activeElement.value
    const all = Object.values(counts).reduce((sum, n) => sum + n, 0)
    const choices = STATUSES.map((status) => choice(status, `${words.t(`compat.${status}`)} ${counts[status]}`))
    $('status').replaceChildren(choice('', words.t('compat.all', { n: all })), ...choices)
    if (typeof focused === 'string') [...$('status').children].find(({ value }) => value === focused)?.focus()
    const wish = new URLSearchParams(Object.entries({ q: seen.text, status: seen.status, group: seen.group }).filter(([, value]) => value))
    history.replaceState(null, '', wish.size ? `?${wish}` : location.pathname)
  }

  const change = (what) => (Object.assign(seen, what), narrow())
  $('search').addEventListener('input', () => change({ text: $('search').value }))
  $('group').addEventListener('change', () => change({ group: $('group').value }))
  $('status').addEventListener('click', ({ target }) => target.closest('button') && change({ status: target.closest('button').value }))
  $('filters').addEventListener('submit', (event) => event.preventDefault())
  $('reset').addEventListener('click', () => {
    $('search').value = $('group').value = ''
    change({ text: '', status: '', group: '' })
    $('search').focus()
  })
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName) || event.ctrlKey || event.metaKey) return
    event.preventDefault()
    $('search').focus()
  })
  document.documentElement.dataset.ready = 'true'
}

function mark(status) {
  return el('span', { class: 'mark', 'data-status': status, textContent: words.t(`compat.${status}`) })
}

function drawLegend(version, commands) {
  const counts = tally(commands)
  const entry = (status) => [el('dt', {}, mark(status)), el('dd', { textContent: words.t(`compat.${status}.is`, { version }) })]
  $('legend').replaceChildren(...STATUSES.filter((status) => counts[status]).flatMap(entry))
}

function row(command, version) {
  const { name, syntax, since, status, differs, compared, newer } = command
  const replies = [compared && words.t('compat.replies', { n: compared }), compared && newer && words.t('compat.more', { n: newer })]
  return el(
    'tr',
    {},
    el(
      'th',
      { scope: 'row' },
      el('strong', { textContent: name.toUpperCase() }),
      syntax ? el('code', { textContent: ` ${syntax}` }) : null,
      ...optionLines(command, version),
      // The rows' words are English whatever the page's language.
      differs ? el('p', { lang: 'en', textContent: differs }) : null,
    ),
    el('td', { class: 'c-since', textContent: since }),
    el('td', { class: 'c-status' }, mark(status), ...replies.filter(Boolean).map((text) => el('small', { textContent: text }))),
  )
}

/** A line for each status that options of the command have. */
function optionLines({ options }, version) {
  return ['equal', 'newer', 'untested', 'missing'].flatMap((status) => {
    const names = options.filter(([, of]) => of === status).map(([name]) => name)
    if (!names.length) return []
    return el('p', {}, `${words.t(`compat.options.${status}`, { version })} `, el('code', { textContent: names.join(' ') }))
  })
}
