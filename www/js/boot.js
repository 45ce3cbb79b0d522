// Sets theme and language before the first paint, so that nothing flashes. A classic script on purpose: it must not wait.
;(() => {
  const root = document.documentElement
  let theme = null
  let lang = null
  try {
    theme = localStorage.getItem('tabdis.theme')
    lang = localStorage.getItem('tabdis.lang')
  } catch {
    // Storage may be forbidden; the system's choice is used then.
  }
  if (theme === 'light' || theme === 'dark') root.dataset.theme = theme
  const wanted = lang ? [lang] : navigator.languages
  const first = wanted.find((tag) => /^(en|zh)\b/i.test(tag)) ?? 'en'
  root.lang = /^zh/i.test(first) ? 'zh-Hans' : 'en'
})()
