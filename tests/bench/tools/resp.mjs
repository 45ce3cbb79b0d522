// A small client that loads a server as fast as it reads: commands are made in blocks of bytes, replies are counted only.
import { once } from 'node:events'
import { connect } from 'node:net'

export class Client {
  #socket
  #text = ''
  #waiting

  constructor(socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('error', (error) => this.#waiting?.fail(error))
  }

  static async connect(port) {
    const socket = connect(port, '127.0.0.1')
    socket.setNoDelay(true)
    await once(socket, 'connect')
    return new Client(socket)
  }

  /**
   * Sends one command and returns the text of its reply: a status, an integer or a bulk string; the whole text on the wire of
   * what holds others. Fails if it is an error.
   */
  async call(...argv) {
    const reply = this.#until(whole())
    this.#socket.write(encode(argv))
    const text = await reply
    if (text[0] === '-') throw new Error(`${argv[0]}: ${text.slice(1).trimEnd()}`)
    if ('*%~'.includes(text[0])) return text
    return text[0] === '$' ? text.slice(text.indexOf('\r\n') + 2, -2) : text.slice(1, -2)
  }

  /**
   * Sends what `commands` yields, without waiting, and returns when all is answered. Fails if an answer is an error: a minus with
   * a code behind it, because data can begin with a minus too.
   */
  async load(commands) {
    const end = '+PONG\r\n'
    const done = this.#until((text) => {
      if (/(^|\n)-[A-Z]/.test(text)) return text
      return text.endsWith(end) ? text : undefined
    }, 4096)
    let block = ''
    for (const argv of commands) {
      block += encode(argv)
      if (block.length > 1 << 16) {
        if (!this.#socket.write(block, 'latin1')) await once(this.#socket, 'drain')
        block = ''
      }
    }
    this.#socket.write(block + 'PING\r\n', 'latin1')
    const text = await done
    if (!text.endsWith(end)) throw new Error(/(?:^|\n)(-[A-Z].*)/.exec(text)[1])
  }

  close() {
    this.#socket.destroy()
  }

  /** Resolves with the text received when `complete` returns it. With `keep`, only that many characters of it are kept. */
  #until(complete, keep = Infinity) {
    this.#text = ''
    return new Promise((done, fail) => (this.#waiting = { complete, keep, done, fail }))
  }

  #read(chunk) {
    if (!this.#waiting) return
    this.#text += chunk
    const { complete, keep, done } = this.#waiting
    const text = complete(this.#text)
    if (text !== undefined) {
      this.#waiting = undefined
      done(text)
    } else if (this.#text.length > keep) {
      this.#text = this.#text.slice(-16)
    }
  }
}

/** Returns `argv` as a command. Its characters are bytes. */
export function encode(argv) {
  let text = `*${argv.length}\r\n`
  for (const arg of argv) text += `$${String(arg).length}\r\n${arg}\r\n`
  return text
}

/** Returns a function that is given the text so far, again and again, and returns it when it is a whole reply. */
function whole() {
  // Where the next element begins, and how many are still to come.
  let at = 0
  let pending = 1
  return (text) => {
    while (pending > 0) {
      const line = text.indexOf('\r\n', at)
      if (line < 0) return undefined
      const n = Number(text.slice(at + 1, line))
      const body = text[at] === '$' && n >= 0 ? n + 2 : 0
      if (text.length < line + 2 + body) return undefined
      if ('*~%'.includes(text[at]) && n > 0) pending += text[at] === '%' ? 2 * n : n
      pending--
      at = line + 2 + body
    }
    return text
  }
}
