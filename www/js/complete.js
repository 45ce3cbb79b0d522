// Completion, syntax hints and HELP, all read from the rows of the commands (`[{name, summary, syntax, group, since}]`).

/** Looks commands up by what has been typed so far. */
export class CommandBook {
  constructor(rows) {
    this.rows = rows
      .map((row) => ({ ...row, name: row.name.toUpperCase().replace(/\|/g, ' ') }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
    this.byName = new Map(this.rows.map((row) => [row.name, row]))
    this.groups = [...new Set(this.rows.map((row) => row.group))].filter(Boolean).sort()
  }

  /** Returns the row of the longest command name that `words` starts with, and how many words that name has. */
  find(words) {
    for (let n = Math.min(2, words.length); n > 0; n--) {
      const row = this.byName.get(words.slice(0, n).join(' ').toUpperCase())
      if (row) return { row, words: n }
    }
    return null
  }

  /** Returns whole lines that `line` may be completed to: command names, then words of the command's syntax. `keys` are
   * offered where the syntax asks for a key. Lower-case typing gets lower-case commands. */
  complete(line, keys = []) {
    const typed = /^(\s*)(.*)$/s.exec(line)[2]
    if (typed === '') return []
    const lower = typed === typed.toLowerCase()
    const help = /^(help\s+)(.*)$/is.exec(typed)
    if (help) return this.#helpTopics(help[2]).map((topic) => help[1] + topic)
    const prefix = typed.toUpperCase().replace(/\s+/g, ' ')
    const names = this.rows.map((row) => row.name).filter((name) => name.startsWith(prefix) && name !== prefix)
    if (names.length > 0) return names.map((name) => (lower ? name.toLowerCase() : name))
    return this.#words(typed, keys)
  }

  /** Returns the rest of the syntax after what is typed, with a leading space where one is missing; '' if unknown. */
  hint(line) {
    const words = line.trim().split(/\s+/)
    const found = words[0] ? this.find(words) : null
    if (!found) return ''
    const rest = restOfSyntax(found.row, words.slice(found.words))
    return rest && (/\s$/.test(line) ? rest : ' ' + rest)
  }

  /** Returns the lines of HELP: `null` for the introduction, an empty list if nothing is known of `topic`. */
  help(topic) {
    const name = topic.trim().toUpperCase().replace(/\s+/g, ' ')
    if (name === '') return null
    if (name.startsWith('@')) return this.rows.filter((row) => row.group?.toUpperCase() === name.slice(1)).map((row) => helpOf(row, false))
    return this.rows.filter((row) => row.name === name || row.name.startsWith(name + ' ')).map((row) => helpOf(row, true))
  }

  #helpTopics(prefix) {
    const wanted = prefix.toUpperCase()
    const topics = [...this.groups.map((group) => '@' + group), ...this.rows.map((row) => row.name)]
    return topics.filter((topic) => topic.toUpperCase().startsWith(wanted) && topic.toUpperCase() !== wanted)
  }

  #words(typed, keys) {
    const words = typed.split(/\s+/)
    const found = this.find(words)
    if (!found || words.length <= found.words) return []
    const last = words.at(-1)
    const head = typed.slice(0, typed.length - last.length)
    const rest = remaining(found.row, words.slice(found.words, -1))
    const wantsKey = rest.length > 0 && /^\[?(key|source|destination)\b/.test(rest[0])
    const fits = wantsKey
      ? keys.filter((key) => key.startsWith(last) && key !== last)
      : nextWords(rest).filter((word) => last !== '' && word.startsWith(last.toUpperCase()) && word !== last.toUpperCase())
    return fits.map((word) => head + (!wantsKey && last === last.toLowerCase() ? word.toLowerCase() : word))
  }
}

/** Returns `row`'s syntax without its name, e.g. `key value [NX | XX]`. */
export function argumentsOf(row) {
  const syntax = (row.syntax ?? '').trim()
  const named = syntax.toUpperCase().startsWith(row.name) && /^(\s|$)/.test(syntax.slice(row.name.length))
  return named ? syntax.slice(row.name.length).trim() : syntax
}

function restOfSyntax(row, args) {
  return remaining(row, args).join(' ')
}

/** Returns the parts of the syntax that are still open after `args`, or none if they do not fit it. */
function remaining(row, args) {
  let parts = splitParts(argumentsOf(row))
  for (const arg of args.filter((arg) => arg !== '')) {
    const next = take(parts, arg.toUpperCase())
    if (!next) return []
    parts = next
  }
  return parts
}

/** Returns the parts left when `word` is given next, or null if it fits none of them. */
function take(parts, word) {
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]
    const optional = part.startsWith('[')
    const inner = optional || part.startsWith('<') ? part.slice(1, -1).trim() : part
    const choices = optional || part.startsWith('<') ? alternatives(inner) : [part]
    const chosen = choices.map(splitParts).find((choice) => fits(choice[0], word, optional))
    if (chosen) {
      const again = optional && chosen.at(-1)?.endsWith('...') ? [part] : []
      const rest = chosen.slice(1).filter((p) => p !== '...' && !(p.startsWith('[') && again.length))
      // What is optional and stood before was passed over, but may still come: options have no order.
      return [...rest, ...again, ...parts.slice(0, i), ...parts.slice(i + 1)]
    }
    if (!optional) return null
  }
  return null
}

/** A word in capitals stands for itself; any other name takes any word. */
function fits(part, word, optional) {
  if (part === undefined || part === '...') return false
  if (part.startsWith('[') || part.startsWith('<')) return alternatives(part.slice(1, -1)).some((choice) => fits(splitParts(choice)[0], word, optional))
  return isLiteral(part) ? part.replace(/^"|"$/g, '').toUpperCase() === word : true
}

const isLiteral = (part) => /^"?[A-Z0-9*$=~-][A-Z0-9_=~*$-]*"?$/.test(part)

/** Returns the words in capitals that may come next: those of the optional parts up to the first that must come. */
function nextWords(parts) {
  const must = parts.findIndex((part) => !part.startsWith('['))
  return [...new Set((must < 0 ? parts : parts.slice(0, must + 1)).flatMap(firstWords))]
}

function firstWords(part) {
  if (part === undefined) return []
  if (part.startsWith('[') || part.startsWith('<')) return alternatives(part.slice(1, -1)).flatMap((choice) => firstWords(splitParts(choice)[0]))
  return /^[A-Z]/.test(part) && isLiteral(part) ? [part] : []
}

/** Splits at spaces outside brackets. */
const splitParts = (syntax) => splitOutside(syntax, ' ')

/** Splits at bars outside brackets. */
const alternatives = (syntax) => splitOutside(syntax, '|').map((choice) => choice.trim())

function splitOutside(text, separator) {
  const parts = ['']
  let depth = 0
  for (const c of text) {
    if (c === '[' || c === '<') depth++
    if (c === ']' || c === '>') depth--
    if (c === separator && depth === 0) parts.push('')
    else parts[parts.length - 1] += c
  }
  return parts.filter((part) => part.trim() !== '')
}

function helpOf(row, withGroup) {
  return { name: row.name, args: argumentsOf(row), summary: row.summary, since: row.since, group: withGroup ? row.group : undefined }
}
