/// <reference lib="esnext.disposable" preserve="true" />
// Messages of channels or patterns, to a callback or a `for await` loop.
import type { Core } from './core.js'
import { ReplyError } from './errors.js'
import { Session } from './session.js'
import { plain, type RawReply } from './wire.js'

/** A message as it came. */
export interface Message {
  channel: string
  message: string
  /** The pattern that matched the channel, of a pattern subscription. */
  pattern?: string
}

/** Called with each message. */
export type OnMessage = (message: string, channel: string, pattern?: string) => void

/** A subscription. It lasts until `close`, or until its `for await` loop is left. */
export class Subscription implements AsyncIterable<Message> {
  private readonly session: Session
  private readonly callback: OnMessage | undefined
  /** Messages nobody has asked for yet, and those who wait for one. */
  private messages: Message[] = []
  private readers: ((result: IteratorResult<Message>) => void)[] = []
  private closed = false

  /** @internal */
  constructor(core: Core, command: 'SUBSCRIBE' | 'PSUBSCRIBE' | 'SSUBSCRIBE', names: readonly string[], callback?: OnMessage) {
    if (names.length === 0) throw new TypeError(`${command.toLowerCase()} needs a channel`)
    for (const name of names) if (typeof name !== 'string') throw new TypeError('channels and patterns are strings')
    this.callback = callback
    this.session = new Session(core, { resp: 3, name: 'subscription' })
    this.session.onpush = (push) => this.receive(push)
    this.session.onclose = () => this.close()
    // The subscription is in place when this returns; an error (no permission) ends it.
    this.session.call(command, ...names).catch((error: unknown) => {
      this.close()
      if (error instanceof ReplyError) throw error
    })
  }

  /** Ends the subscription; a `for await` loop ends after the messages that have come. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.session.close()
    for (const reader of this.readers.splice(0)) reader({ done: true, value: undefined })
  }

  [Symbol.dispose](): void {
    this.close()
  }

  [Symbol.asyncIterator](): AsyncIterator<Message> {
    return {
      next: () => this.next(),
      return: async () => {
        this.close()
        return { done: true, value: undefined }
      },
    }
  }

  private next(): Promise<IteratorResult<Message>> {
    const message = this.messages.shift()
    if (message) return Promise.resolve({ done: false, value: message })
    if (this.closed) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve) => this.readers.push(resolve))
  }

  private receive(push: RawReply): void {
    const [kind, ...parts] = plain(push) as string[]
    if (!kind?.endsWith('message')) return
    const [channel = '', message = '', pattern] = kind === 'pmessage' ? [parts[1], parts[2], parts[0]] : parts
    if (this.callback) return this.callback(message, channel, pattern)
    const value = pattern === undefined ? { channel, message } : { channel, message, pattern }
    const reader = this.readers.shift()
    if (reader) reader({ done: false, value })
    else this.messages.push(value)
  }
}
