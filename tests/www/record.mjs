// Records what redis-server answers and what redis-cli prints for it: node tests/www/record.mjs > tests/www/redis-cli.json

import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { decode } from './resp.mjs'

const SETUP = [
  ['SET', 'plain', 'hello world'], ['SET', 'n', '41'], ['SET', 'empty', ''], ['SET', 'odd', 'a"b\\c\r\n\t\x07\b\x01\x7f'],
  ['SET', 'utf8', 'é 你好 😀'], ['SET', 'bytes', Buffer.from([0, 255, 254, 128, 65, 0x61])], ['SET', 'hexish', Buffer.from([0xff, 0x41])],
  ['RPUSH', 'list', 'a', 'b', 'c'], ['RPUSH', 'ten', ...'abcdefghij'], ['RPUSH', 'long', ...Array.from({ length: 101 }, (_, i) => `item ${i}`)],
  ['SADD', 'one', 'only'], ['SADD', 'ints', '1', '2', '3'], ['HSET', 'hash', 'name', 'Ada', 'city', 'London', 'bio', 'line\nline'],
  ['HSET', 'wide', ...Array.from({ length: 12 }, (_, i) => [`f${i}`, `v${i}`]).flat()],
  ['ZADD', 'scores', '1.5', 'ann', '2', 'bob', '1e30', 'cy', '+inf', 'top', '-inf', 'low'],
  ['XADD', 'stream', '1-1', 'a', '1'], ['XADD', 'stream', '2-1', 'b', '2', 'c', '3'], ['XGROUP', 'CREATE', 'stream', 'g', '0'],
  ['GEOADD', 'geo', '13.361389', '38.115556', 'Palermo', '15.087269', '37.502669', 'Catania'],
]

const SHOWN = [
  'PING', 'ECHO hi', 'SET k v', 'GET plain', 'GET none', 'GET empty', 'GET odd', 'GET utf8', 'GET bytes', 'GET hexish', 'INCR n',
  'STRLEN plain', 'GET list', 'NOSUCH a b', 'GET', 'LRANGE list 0 -1', 'LRANGE ten 0 -1', 'LRANGE long 0 -1', 'LRANGE none 0 -1',
  'SMEMBERS one', 'SMEMBERS ints', 'SMEMBERS none', 'HGETALL hash', 'HGETALL wide', 'HGETALL none', 'HMGET hash name nope', 'HSCAN hash 0',
  'ZRANGE scores 0 -1', 'ZRANGE scores 0 -1 WITHSCORES', 'ZSCORE scores ann', 'ZSCORE scores cy', 'ZSCORE scores top', 'ZSCORE scores low',
  'ZSCORE scores nope', 'XRANGE stream - +', 'XREAD COUNT 1 STREAMS stream 0', 'XINFO STREAM stream', 'XINFO STREAM stream FULL', 'XINFO GROUPS stream',
  'GEOPOS geo Palermo nope', 'GEOSEARCH geo FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHCOORD WITHDIST', 'SCAN 0 MATCH plain COUNT 1000', 'TYPE list', 'TTL plain',
  'OBJECT ENCODING ints', 'MGET plain none n', 'BLPOP none 0.01', 'EXEC', 'SELECT 99', 'CONFIG GET maxmemory-policy', 'COMMAND INFO get', 'COMMAND COUNT x',
  'COMMAND DOCS getdel', 'COMMAND GETKEYS MSET a 1 b 2', 'MEMORY USAGE none', 'SMISMEMBER ints 1 9', 'LPOS list c', 'ACL WHOAMI', 'ACL GETUSER default', 'FUNCTION LIST',
  'DEBUG PROTOCOL string', 'DEBUG PROTOCOL integer', 'DEBUG PROTOCOL double', 'DEBUG PROTOCOL null', 'DEBUG PROTOCOL array', 'DEBUG PROTOCOL set',
  'DEBUG PROTOCOL map', 'DEBUG PROTOCOL verbatim', 'DEBUG PROTOCOL true', 'DEBUG PROTOCOL false',
  "EVAL 'redis.setresp(3) return {map={a={map={b=1}}, c={1}, d={{1}}, e={{1,2}}}}' 0",
  "EVAL 'return {1,{2,{3,{}},false},{{{{5}}}}}' 0", "EVAL 'return {}' 0", "EVAL 'return redis.status_reply(\"FINE\")' 0", "EVAL 'return redis.error_reply(\"MY bad thing\")' 0",
]

/** Lines whose arguments redis-cli splits; null is recorded where it refuses the line. */
const SPLIT = [
  'a b c', '  a   b\tc  ', '"a b" c', "'a b' c", '"a\\nb\\r\\t\\a\\b"', '"\\x41\\xff\\x0a"', '"\\xZZ"', '"\\q\\"\\\\"', "'\\n\\'x'", 'a"b c"', 'a\'b c\'', '""', "''",
  'a\\nb', '"open', "'open", '"a"b', "'a'b", 'é 你好', '"é\\xc3\\xa9"', 'a"', '"a\\', "it's", '"\\x4"', '{"json":1}', "'{\"json\": 1}'",
]

const dir = mkdtempSync(join(tmpdir(), 'record-'))
const sock = join(dir, 's')
const server = spawn('redis-server', ['--port', '0', '--unixsocket', sock, '--save', '', '--enable-debug-command', 'yes'], { stdio: 'ignore' })
try {
  const cli = (args, input) => execFileSync('redis-cli', ['-s', sock, ...args], { input })
  for (let i = 0; i < 50; i++) {
    await sleep(100)
    try {
      cli(['PING'])
      break
    } catch {}
  }
  const fill = () => {
    cli(['FLUSHALL'])
    for (const args of SETUP) cli(['-x', ...args.slice(0, -1)], args.at(-1))
  }
  const replies = []
  for (const resp of [2, 3]) {
    fill()
    for (const line of SHOWN) {
      const raw = await ask(line, resp)
      fill()
      const tty = cli(['--no-raw', ...(resp === 3 ? ['-3'] : [])], line + '\n').toString('latin1')
      replies.push({ resp, line, raw: raw.toString('latin1'), tty })
      fill()
    }
  }
  const splits = SPLIT.map((line) => {
    const said = cli(['--no-raw'], `EVAL 'return cjson.encode(ARGV)' 0 ${line}\n`).toString('latin1')
    if (said.startsWith('Invalid')) return { line, hex: null }
    const raw = cli(['--raw'], `EVAL 'local t = {} for _, a in ipairs(ARGV) do t[#t+1] = (a:gsub(".", function(c) return string.format("%02x", c:byte()) end)) end return t' 0 ${line}\n`)
    return { line, hex: raw.toString().split('\n').slice(0, -1) }
  })
  const version = cli(['--version']).toString().trim()
  process.stdout.write(JSON.stringify({ version, replies, splits }, null, 1) + '\n')
} finally {
  server.kill()
  rmSync(dir, { recursive: true, force: true })
}

/** Sends one inline command (after HELLO 3 if asked) and returns the bytes of its reply. */
function ask(line, resp) {
  return new Promise((resolve, reject) => {
    const socket = connect(sock)
    let got = Buffer.alloc(0)
    let skip = resp === 3 ? 1 : 0
    socket.on('error', reject)
    socket.on('data', (data) => {
      got = Buffer.concat([got, data])
      for (;;) {
        const one = decode(got)
        if (!one) return
        if (skip-- > 0) {
          got = got.subarray(one.end)
          continue
        }
        socket.destroy()
        return resolve(got.subarray(0, one.end))
      }
    })
    socket.write((resp === 3 ? 'HELLO 3\r\n' : '') + line + '\r\n')
  })
}
