// `tabdis/upstash`: @upstash/redis on a database in the same process, instead of over HTTP.
import { Redis, errors, type Requester } from '@upstash/redis'
import type { Db } from './db.js'
import type { RawReply } from './wire.js'

type Body = readonly unknown[]
type Outcome = { result: unknown } | { error: string }

const decoder = new TextDecoder()

/** A reply as Upstash's HTTP interface gives it: what RESP2 has, as JSON. */
function json(reply: RawReply): unknown {
  switch (reply.type) {
    case 'array':
    case 'set':
    case 'push':
      return reply.value.map(json)
    case 'map':
      return reply.value.flat().map(json)
    case 'integer':
      // Numbers beyond what JSON's readers keep exactly go as text.
      return typeof reply.value === 'bigint' ? String(reply.value) : reply.value
    case 'bulk':
    case 'verbatim':
      return typeof reply.value === 'string' ? reply.value : decoder.decode(reply.value)
    default:
      return reply.value
  }
}

const outcome = (reply: RawReply): Outcome => (reply.type === 'error' ? { error: reply.value } : { result: json(reply) })

/** An argument as it would be in JSON. */
const word = (value: unknown): string | Uint8Array =>
  typeof value === 'string' || value instanceof Uint8Array ? value : typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)

/** Returns what the client of Upstash sends its commands with: `new Redis(requester(db))`. */
export function requester(db: Db): Requester {
  const session = db.session({ name: 'upstash' })
  const run = (command: unknown) => session.raw((command as Body).map(word))
  const failed = (error: string, body: unknown) => new errors.UpstashError(`${error}, command was: ${JSON.stringify(body)}`)

  async function pipeline(commands: Body): Promise<Outcome[]> {
    return (await Promise.all(commands.map(run))).map(outcome)
  }

  async function transaction(commands: Body): Promise<Outcome[]> {
    // Sent at once, so that nothing comes in between.
    const replies = await Promise.all([['MULTI'], ...commands, ['EXEC']].map(run))
    const end = replies.pop()!
    if (end.type === 'array') return end.value.map(outcome)
    const spoiled = replies.find(({ type }) => type === 'error') ?? end
    throw failed(String(spoiled.value), commands)
  }

  return {
    async request<TResult>({ path = [], body, signal, isStreaming }: Parameters<Requester['request']>[0]) {
      if (isStreaming || /subscribe|monitor/.test(path[0] ?? '')) throw new errors.UpstashError('tabdis/upstash does not stream: db.subscribe does')
      const given = signal as AbortSignal | undefined
      given?.throwIfAborted()
      if (path[0] === 'pipeline') return (await pipeline(body as Body)) as never
      if (path[0] === 'multi-exec') return (await transaction(body as Body)) as never
      const command = [...path, ...((body as Body | undefined) ?? [])]
      const got = outcome(await run(command))
      if ('error' in got) throw failed(got.error, command)
      return got as { result: TResult }
    },
  }
}

/** Returns a client of Upstash on this database. */
export function createRedis(db: Db): Redis {
  return new Redis(requester(db))
}
