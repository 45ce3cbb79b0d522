// `tabdis/react` and `tabdis/vue` with the real libraries: what is shown, when it is shown again, and what is left afterwards.

import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { JSDOM } from 'jsdom'
import { root } from '../tools/process.mjs'

const load = (name) => import(pathToFileURL(join(root, `pkg/dist/${name}.js`)).href)
const { open } = await load('index')

const window = new JSDOM('<!doctype html><div id="root"></div>').window
Object.assign(globalThis, { window, document: window.document, navigator: window.navigator, Element: window.Element, SVGElement: window.SVGElement, IS_REACT_ACT_ENVIRONMENT: true })
const place = window.document.getElementById('root')

const turn = () => new Promise((resolve) => setTimeout(resolve, 0))
let db
before(async () => (db = await open()))
after(() => db.close())
beforeEach(() => db.sync.mset({ k: 'one', 'user:1': 1 }))
afterEach(() => db.sync.flushall())

describe('react', async () => {
  const { act, createElement: h, StrictMode } = await import('react')
  const { createRoot, hydrateRoot } = await import('react-dom/client')
  const { renderToString } = await import('react-dom/server')
  const { useKey, useLive } = await load('react')
  let renders = 0

  function App({ db, name = 'k', initial }) {
    renders++
    const value = useKey(db, name, { initial })
    const users = useLive(db, { pattern: 'user:*' }, { initial: [] })
    const length = useLive(db, (read) => read.strlen(name), { deps: [name], initial: 0 })
    return `${value ?? 'nothing'} ${users.join()} ${length}`
  }

  test('renders what is there at once, and again when it changes, and only then', async () => {
    const { sessions } = db.status()
    const app = createRoot(place)
    await act(() => app.render(h(App, { db })))
    assert.equal(place.textContent, 'one user:1 3')
    await act(async () => {
      db.sync.set('k', 'three')
      db.sync.set('user:2', 1)
      await turn()
    })
    assert.equal(place.textContent, 'three user:1,user:2 5')
    const before = renders
    await act(async () => {
      db.sync.set('k', 'three')
      db.sync.set('other', 1)
      await turn()
    })
    assert.equal(renders, before)
    await act(() => app.render(h(App, { db, name: 'other' })))
    assert.equal(place.textContent, '1 user:1,user:2 1')
    await act(() => app.unmount())
    assert.equal(db.status().sessions, sessions)
  })

  test('works in strict mode, and before the database is open', async () => {
    const app = createRoot(place)
    await act(() => app.render(h(StrictMode, null, h(App, { initial: 'soon' }))))
    assert.equal(place.textContent, 'soon  0')
    await act(() => app.render(h(StrictMode, null, h(App, { db, initial: 'soon' }))))
    await act(async () => {
      db.sync.set('k', 'now')
      await turn()
    })
    assert.equal(place.textContent, 'now user:1 3')
    await act(() => app.unmount())
  })

  test('on the server renders what is given, and the browser takes it over without complaint', async () => {
    const { sessions } = db.status()
    const html = renderToString(h(App, { db, initial: 'initial' }))
    assert.equal(html, 'initial  0')
    assert.equal(db.status().sessions, sessions)
    place.innerHTML = html
    const errors = []
    let app
    await act(async () => (app = hydrateRoot(place, h(App, { db, initial: 'initial' }), { onRecoverableError: (error) => errors.push(error) })))
    assert.deepEqual([place.textContent, errors], ['one user:1 3', []])
    await act(() => app.unmount())
  })
})

describe('vue', async () => {
  const { createApp, createSSRApp, effectScope, h, nextTick, ref, shallowRef } = await import('vue')
  const { renderToString } = await import('vue/server-renderer')
  const { useKey, useLive } = await load('vue')

  /** A component that shows the key `name` of `db`, both refs. */
  const component = (db, name) => ({
    setup() {
      const value = useKey(db, name)
      const users = useLive(db, { pattern: 'user:*' })
      const length = useLive(db, (read) => read.strlen('k'))
      return () => h('p', `${value.value ?? 'nothing'} ${(users.value ?? []).join()} ${length.value ?? 0}`)
    },
  })

  test('shows what is there at once, and what it becomes', async () => {
    const { sessions } = db.status()
    const [from, name] = [shallowRef(), ref('k')]
    const app = createApp(component(from, name))
    app.mount(place)
    assert.equal(place.textContent, 'nothing  0')
    from.value = db
    await nextTick()
    assert.equal(place.textContent, 'one user:1 3')
    db.sync.set('k', 'three')
    db.sync.del('user:1')
    await turn()
    assert.equal(place.textContent, 'three  5')
    db.sync.set('other', 'x')
    name.value = 'other'
    await nextTick()
    assert.equal(place.textContent, 'x  5')
    db.sync.set('other', 'y')
    await turn()
    assert.equal(place.textContent, 'y  5')
    app.unmount()
    assert.equal(db.status().sessions, sessions)
  })

  test('on the server shows what is there, and leaves nothing behind', async () => {
    const { sessions } = db.status()
    assert.equal(await renderToString(createSSRApp(component(db, 'k'))), '<p>one user:1 3</p>')
    assert.equal(db.status().sessions, sessions)
  })

  test('ends with the scope it is used in, outside of components', async () => {
    const { sessions } = db.status()
    const scope = effectScope()
    const value = scope.run(() => useKey(db, 'k'))
    db.sync.set('k', 'two')
    await turn()
    assert.equal(value.value, 'two')
    scope.stop()
    db.sync.set('k', 'three')
    await turn()
    assert.equal(value.value, 'two')
    assert.equal(db.status().sessions, sessions)
  })
})
