// Arguments as JavaScript has them → words as Redis has them.

/** A word of a command. */
export type Word = string | Uint8Array

/** The commands whose objects are data, not options: of them nothing may be left out. */
const takesFields = new Set(['hset', 'hmset', 'mset', 'msetnx', 'xadd'])

/** Returns the words of `args`. Fails with a TypeError that names the argument if one is of a type that Redis cannot store. */
export function words(name: string, args: ArrayLike<unknown>): Word[] {
  const out: Word[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]
    const where = `argument ${i + 1} of ${name}`
    if (Array.isArray(arg)) for (const [n, item] of arg.entries()) out.push(scalar(item, `item ${n + 1} of ${where}`))
    else if (isOptions(arg)) options(out, arg, where, takesFields.has(name))
    else out.push(scalar(arg, where))
  }
  return out
}

function options(out: Word[], object: Record<string, unknown>, where: string, areFields: boolean): void {
  for (const [name, value] of Object.entries(object)) {
    const place = `${name} in ${where}`
    if (!areFields && (value === false || value === undefined)) continue
    out.push(name)
    if (!areFields && value === true) continue
    if (Array.isArray(value)) for (const item of value) out.push(scalar(item, place))
    else out.push(scalar(value, place))
  }
}

function scalar(value: unknown, where: string): Word {
  switch (typeof value) {
    case 'string':
      return value
    case 'number':
      // As Redis writes and reads them.
      return value === Infinity ? 'inf' : value === -Infinity ? '-inf' : String(value)
    case 'bigint':
      return String(value)
  }
  if (value instanceof Uint8Array) return value
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  const kind = value === null ? 'null' : typeof value
  throw new TypeError(`${where} is ${kind}: give a string, number, bigint, Uint8Array or ArrayBuffer`)
}

function isOptions(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}
