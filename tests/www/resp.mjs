// Decodes RESP2 and RESP3 bytes into the typed replies the page works with; strings become strings where they are UTF-8.

/** Returns `{reply, end}` for the reply at `at`, or null if the bytes end before it does. */
export function decode(bytes, at = 0) {
  const eol = bytes.indexOf('\r\n', at, 'latin1')
  if (eol < 0) return null
  const sign = String.fromCharCode(bytes[at])
  const line = bytes.toString('utf8', at + 1, eol)
  const next = eol + 2
  const scalar = SCALARS[sign]
  if (scalar) return { reply: scalar(line), end: next }
  if (sign === '$' || sign === '=' || sign === '!') return blob(bytes, sign, Number(line), next)
  return aggregate(bytes, sign, Number(line), next)
}

const SCALARS = {
  '+': (line) => ({ type: 'simple', value: line }),
  '-': (line) => ({ type: 'error', value: line }),
  ':': (line) => ({ type: 'integer', value: Number.isSafeInteger(Number(line)) ? Number(line) : BigInt(line) }),
  ',': (line) => ({ type: 'double', value: double(line) }),
  '#': (line) => ({ type: 'boolean', value: line === 't' }),
  '(': (line) => ({ type: 'bignumber', value: BigInt(line) }),
  _: () => ({ type: 'null', value: null }),
}

/** A double keeps its text where a number would print other digits. */
function double(line) {
  const number = { inf: Infinity, '-inf': -Infinity, nan: NaN }[line] ?? Number(line)
  return Number.isFinite(number) && String(number) !== line ? line : number
}

function blob(bytes, sign, length, at) {
  if (length < 0) return { reply: { type: 'null', value: null }, end: at }
  if (bytes.length < at + length + 2) return null
  const raw = bytes.subarray(sign === '=' ? at + 4 : at, at + length)
  const text = raw.toString('utf8')
  const value = Buffer.from(text, 'utf8').equals(raw) ? text : new Uint8Array(raw)
  return { reply: { type: { $: 'bulk', '=': 'verbatim', '!': 'error' }[sign], value }, end: at + length + 2 }
}

function aggregate(bytes, sign, count, at) {
  if (count < 0) return { reply: { type: 'nullarray', value: null }, end: at }
  const items = []
  const total = sign === '%' || sign === '|' ? count * 2 : count
  for (let i = 0; i < total; i++) {
    const item = decode(bytes, at)
    if (!item) return null
    items.push(item.reply)
    at = item.end
  }
  if (sign === '|') return decode(bytes, at)
  if (sign !== '%') return { reply: { type: { '*': 'array', '~': 'set', '>': 'push' }[sign], value: items }, end: at }
  const pairs = []
  for (let i = 0; i < total; i += 2) pairs.push([items[i], items[i + 1]])
  return { reply: { type: 'map', value: pairs }, end: at }
}
