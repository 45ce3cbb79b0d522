// What INFO says → an object.

/** What INFO says of a section, by name. */
export type InfoSection = { [name: string]: string | number | { [name: string]: string | number } }

/** What INFO says, by the lower-case name of the section. */
export type Info = { [section: string]: InfoSection }

/** Returns the sections of INFO's text. Lists such as `keys=1,expires=0` are objects; numbers that are exact are numbers. */
export function parseInfo(text: string): Info {
  const info: Info = {}
  let section: InfoSection = {}
  for (const line of text.split('\r\n')) {
    if (line.startsWith('# ')) section = info[line.slice(2).toLowerCase()] = {}
    const at = line.indexOf(':')
    if (at > 0) section[line.slice(0, at)] = value(line.slice(at + 1))
  }
  return info
}

function value(text: string): InfoSection[string] {
  const pairs = text.split(',').map((pair) => /^(\w+)=(.*)$/.exec(pair))
  if (pairs.some((pair) => !pair)) return plain(text)
  return Object.fromEntries(pairs.map((pair) => [pair![1]!, plain(pair![2]!)]))
}

function plain(text: string): string | number {
  return /^-?(0|[1-9]\d*)(\.\d+)?$/.test(text) && Math.abs(Number(text)) <= Number.MAX_SAFE_INTEGER ? Number(text) : text
}
