// The commands' signatures. Generated from the rows of src/cmd/: `npm run gen`.
import type { Arg, Key, Reply, Value } from './types.js'

export interface Commands {
  /** Manages users and what they may do. */
  acl(sub: string, ...args: Arg[]): Reply
  /** Appends to the string value of a key, and returns its length; a missing key counts as an empty string. */
  append(key: Key, value: Value): number
  /** Would let the next command see a slot that is moving; there is no cluster. */
  asking(): Reply
  /** Authenticates the connection. */
  auth(...credentials: Arg[]): 'OK'
  /** Makes the log as short as the data allows, while commands go on. */
  bgrewriteaof(): string
  /** Saves the data as it is now, while commands go on. */
  bgsave(schedule?: 'SCHEDULE'): string
  /** Counts the bits that are set in the string value of a key, or in a range of its bytes or bits, both ends included; negative positions count from the end. */
  bitcount(key: Key, start?: number, end?: number, unit?: 'BYTE' | 'BIT'): number
  /** Reads, sets and increments integers of 1 to 64 bits in the string value of a key, several in one call; `u8` at `#3` is the fourth byte. OVERFLOW says what happens to values that do not fit. */
  bitfield(key: Key, ...operations: Arg[]): (number | null)[]
  /** Reads integers of 1 to 64 bits in the string value of a key, as BITFIELD does, without its ways to change them. */
  bitfield_ro(key: Key, ...operations: Arg[]): number[]
  /** Combines the string values of keys bit by bit, stores the result and returns its length. Shorter ones and missing keys count as filled with zeros. */
  bitop(operation: 'AND' | 'OR' | 'XOR' | 'NOT' | 'DIFF' | 'DIFF1' | 'ANDOR' | 'ONE', destkey: Key, ...keys: Key[]): number
  /** Returns the position of the first bit that is 1, or 0, in the string value of a key or in a range of its bytes or bits; -1 for none. Without an end, zeros follow the string. */
  bitpos(key: Key, bit: 0 | 1, start?: number, end?: number, unit?: 'BYTE' | 'BIT'): number
  /** Moves an element from an end of one list to an end of another, or of the same, and returns it. Waits if there is none. */
  blmove(source: Key, destination: Key, from: 'LEFT' | 'RIGHT', to: 'LEFT' | 'RIGHT', timeout: number): string | null
  /** Removes elements from an end of the first list that has one and returns them with the key. Waits if there is none. */
  blmpop(timeout: number, numkeys: number, ...args: Arg[]): [string, string[]] | null
  /** Removes the first element of the first list that has one and returns it with the key. Waits if there is none. */
  blpop(...keysAndTimeout: Arg[]): [string, string] | null
  /** Removes the last element of the first list that has one and returns it with the key. Waits if there is none. */
  brpop(...keysAndTimeout: Arg[]): [string, string] | null
  /** Moves the last element of one list before the first of another, or of the same, and returns it. Waits if there is none. */
  brpoplpush(source: Key, destination: Key, timeout: number): string | null
  /** Removes members with the lowest or highest scores from the first sorted set that has one and returns them with the key. Waits if there is none. */
  bzmpop(timeout: number, numkeys: number, ...args: Arg[]): [string, [string, number][]] | null
  /** Removes the member with the highest score from the first sorted set that has one and returns key, member and score. Waits if there is none. */
  bzpopmax(...keysAndTimeout: Arg[]): [string, string, number] | null
  /** Removes the member with the lowest score from the first sorted set that has one and returns key, member and score. Waits if there is none. */
  bzpopmin(...keysAndTimeout: Arg[]): [string, string, number] | null
  /** Looks at connections and changes them. */
  client(sub: string, ...args: Arg[]): Reply
  /** Would manage a cluster; there is none. */
  cluster(sub: string, ...args: Arg[]): Reply
  /** Describes all commands. */
  command(sub: string, ...args: Arg[]): Reply
  /** Reads and changes the server's parameters. */
  config(sub: string, ...args: Arg[]): Reply
  /** Copies a value with its expiry to another key, of another database if wanted. Returns 1, or 0 if the source is missing or the destination is there. */
  copy(source: Key, destination: Key, ...options: Arg[]): number
  /** Returns the number of keys in the database. */
  dbsize(): number
  /** Does what only tests need. */
  debug(sub: string, ...args: Arg[]): Reply
  /** Takes one from the integer value of a key; a missing key counts as 0. */
  decr(key: Key): number
  /** Takes an integer from the integer value of a key; a missing key counts as 0. */
  decrby(key: Key, decrement: number | bigint): number
  /** Deletes keys. Returns how many were there. */
  del(key: Key, ...keys: Key[]): number
  /** Deletes a key, with a condition only if its string value or the digest of that is, or is not, the one given. Returns whether it did. */
  delex(key: Key, condition?: 'IFEQ' | 'IFNE' | 'IFDEQ' | 'IFDNE', value?: Value): number
  /** Deletes a key only if its string value is the one given. Returns whether it did. DELEX with IFEQ does the same. */
  delifeq(key: Key, value: Value): number
  /** Returns the XXH3 hash of the string value of a key in 16 hexadecimal digits, for IFDEQ and IFDNE of SET and DELEX; null without the key. */
  digest(key: Key): string | null
  /** Forgets the queued commands and all watched keys. */
  discard(): 'OK'
  /** Returns the value of a key as bytes for RESTORE, of the lowest RDB version that can say it: 10, which Redis 7.0 reads too, where nothing newer is needed. */
  dump(key: Key): string | null
  /** Returns its argument. */
  echo(message: Value): string
  /** Runs all queued commands as one unit; does nothing if a watched key changed. */
  exec(): Reply[] | null
  /** Returns how many of the keys are there; one named twice counts twice. */
  exists(key: Key, ...keys: Key[]): number
  /** Sets a key to expire in so many seconds. Returns 1, or 0 if the key is missing or a condition fails. */
  expire(key: Key, seconds: number, ...options: Arg[]): number
  /** Sets a key to expire at a Unix time in seconds. Returns 1, or 0 if the key is missing or a condition fails. */
  expireat(key: Key, unixTimeSeconds: number, ...options: Arg[]): number
  /** Returns the Unix time in seconds at which a key expires: -1 without an expiry, -2 without the key. */
  expiretime(key: Key): number
  /** Would hand the lead to a follower; none of this server's followers can take it. */
  failover(...options: Arg[]): 'OK'
  /** Deletes all keys of all databases. */
  flushall(mode?: 'ASYNC' | 'SYNC'): 'OK'
  /** Deletes all keys of the database. */
  flushdb(mode?: 'ASYNC' | 'SYNC'): 'OK'
  /** Adds members with their places to a sorted set, or moves those that are there. The score of each is the geohash of its place. */
  geoadd(key: Key, ...args: Arg[]): number
  /** Returns how far two members are from each other, in meters or another unit; null if one is missing. */
  geodist(key: Key, member1: Value, member2: Value, unit?: 'M' | 'KM' | 'FT' | 'MI'): string | null
  /** Returns the places of members as geohash strings of 11 letters; null for a missing one. */
  geohash(key: Key, ...members: Value[]): (string | null)[]
  /** Returns the longitudes and latitudes of members, as exact as geohashes are (0.6 m); null for a missing one. */
  geopos(key: Key, ...members: Value[]): ([string | number, string | number] | null)[]
  /** Returns, or stores, the members that lie in a circle round a place. GEOSEARCH and GEOSEARCHSTORE are newer. */
  georadius(key: Key, longitude: number, latitude: number, radius: number, unit: 'M' | 'KM' | 'FT' | 'MI', ...options: Arg[]): Reply
  /** Returns, or stores, the members that lie in a circle round a member, itself included. GEOSEARCH and GEOSEARCHSTORE are newer. */
  georadiusbymember(key: Key, member: Value, radius: number, unit: 'M' | 'KM' | 'FT' | 'MI', ...options: Arg[]): Reply
  /** Returns the members that lie in a circle round a member, as GEORADIUSBYMEMBER does; it stores nothing. */
  georadiusbymember_ro(key: Key, member: Value, radius: number, unit: 'M' | 'KM' | 'FT' | 'MI', ...options: Arg[]): Reply
  /** Returns the members that lie in a circle round a place, as GEORADIUS does; it stores nothing. */
  georadius_ro(key: Key, longitude: number, latitude: number, radius: number, unit: 'M' | 'KM' | 'FT' | 'MI', ...options: Arg[]): Reply
  /** Returns the members that lie in a circle or a box round a place or another member, with their distances, geohashes and places if asked for. */
  geosearch(key: Key, ...args: Arg[]): Reply[]
  /** Stores the members that GEOSEARCH would return as another sorted set, with their geohashes or distances as scores. Returns how many there are. */
  geosearchstore(destination: Key, source: Key, ...args: Arg[]): number
  /** Returns the string value of a key. */
  get(key: Key): string | null
  /** Returns a bit of the string value of a key; 0 beyond its end and without the key. */
  getbit(key: Key, offset: number): number
  /** Returns the string value of a key and deletes the key. */
  getdel(key: Key): string | null
  /** Returns the string value of a key and sets or removes its expiry. */
  getex(key: Key, ...options: Arg[]): string | null
  /** Returns the bytes of the string value of a key between two positions, both included; negative ones count from the end. */
  getrange(key: Key, start: number, end: number): string
  /** Sets the string value of a key and returns the old one. SET with GET does the same. */
  getset(key: Key, value: Value): string | null
  /** Deletes fields of a hash, and returns how many there were. The last field takes the key along. */
  hdel(key: Key, ...fields: Value[]): number
  /** Shakes hands: chooses the protocol, authenticates and names the connection at once. */
  hello(protover?: number, ...options: Arg[]): Record<string, Reply>
  /** Tells whether a hash has a field. */
  hexists(key: Key, field: Value): number
  /** Sets the expiry of fields of a hash in seconds from now. Answers for each field: 1 set, 0 condition not met, 2 deleted because the time is past, -2 no such field. */
  hexpire(key: Key, seconds: number, ...rest: Arg[]): number[]
  /** Sets the expiry of fields of a hash in seconds since the epoch. Answers as HEXPIRE does. */
  hexpireat(key: Key, unixTimeSeconds: number, ...rest: Arg[]): number[]
  /** Returns when fields of a hash expire, in seconds since the epoch; -1 for a field without expiry, -2 for a missing one. */
  hexpiretime(key: Key, ...rest: Arg[]): number[]
  /** Returns the value of a field of a hash. */
  hget(key: Key, field: Value): string | null
  /** Returns all fields of a hash with their values. */
  hgetall(key: Key): Record<string, string>
  /** Returns the values of fields of a hash and deletes the fields. The last field takes the key along. */
  hgetdel(key: Key, ...rest: Arg[]): (string | null)[]
  /** Returns the values of fields of a hash and sets or removes their expiry. */
  hgetex(key: Key, ...rest: Arg[]): (string | null)[]
  /** Adds an integer to the integer value of a field; a missing field counts as 0. */
  hincrby(key: Key, field: Value, increment: number | bigint): number
  /** Adds a float to the number in a field, with 17 digits after the point; a missing field counts as 0. */
  hincrbyfloat(key: Key, field: Value, increment: number | string): string
  /** Returns all fields of a hash. */
  hkeys(key: Key): string[]
  /** Returns the number of fields of a hash. */
  hlen(key: Key): number
  /** Returns the values of several fields of a hash. */
  hmget(key: Key, ...fields: Value[]): (string | null)[]
  /** Sets fields of a hash. HSET does the same. */
  hmset(key: Key, ...pairs: [Value, Value, ...Value[]] | [Record<string, Value>]): 'OK'
  /** Removes the expiry of fields of a hash. Answers for each field: 1 removed, -1 had none, -2 no such field. */
  hpersist(key: Key, ...rest: Arg[]): number[]
  /** Sets the expiry of fields of a hash in milliseconds from now. Answers as HEXPIRE does. */
  hpexpire(key: Key, milliseconds: number, ...rest: Arg[]): number[]
  /** Sets the expiry of fields of a hash in milliseconds since the epoch. Answers as HEXPIRE does. */
  hpexpireat(key: Key, unixTimeMilliseconds: number, ...rest: Arg[]): number[]
  /** Returns when fields of a hash expire, in milliseconds since the epoch; -1 for a field without expiry, -2 for a missing one. */
  hpexpiretime(key: Key, ...rest: Arg[]): number[]
  /** Returns the milliseconds that fields of a hash have left; -1 for a field without expiry, -2 for a missing one. */
  hpttl(key: Key, ...rest: Arg[]): number[]
  /** Returns a random field of a hash; with a count, so many different ones; with a negative count, so many with repetitions. */
  hrandfield(key: Key, count?: number, withValues?: 'WITHVALUES'): string | string[] | [string, string][] | null
  /** Goes through the fields of a hash step by step, with their values. */
  hscan(key: Key, cursor: number | string, ...options: Arg[]): [cursor: string, elements: string[]]
  /** Sets fields of a hash, removes their expiry, and returns how many are new. */
  hset(key: Key, ...pairs: [Value, Value, ...Value[]] | [Record<string, Value>]): number
  /** Sets fields of a hash with an expiry, all or, if a condition is not met, none. Returns 1 or 0. */
  hsetex(key: Key, ...rest: Arg[]): number
  /** Sets a field of a hash only if the hash does not have it. */
  hsetnx(key: Key, field: Value, value: Value): number
  /** Returns the length of the value of a field in bytes, 0 for a missing one. */
  hstrlen(key: Key, field: Value): number
  /** Returns the seconds that fields of a hash have left; -1 for a field without expiry, -2 for a missing one. */
  httl(key: Key, ...rest: Arg[]): number[]
  /** Returns all values of a hash. */
  hvals(key: Key): string[]
  /** Adds one to the integer value of a key; a missing key counts as 0. */
  incr(key: Key): number
  /** Adds an integer to the integer value of a key; a missing key counts as 0. */
  incrby(key: Key, increment: number | bigint): number
  /** Adds a float to the number at a key, with 17 digits after the point; a missing key counts as 0. */
  incrbyfloat(key: Key, increment: number | string): string
  /** Adds to the number at a key within bounds, and sets or removes the key's expiry. Returns the new number and what was really added; if it would leave the bounds nothing happens, or with SATURATE it becomes the bound. */
  increx(key: Key, ...options: Arg[]): [number | string, number | string]
  /** Returns figures about the server: all, or those of some sections. */
  info(...sections: string[]): string
  /** Appends values to the arrays at a path. Returns their lengths, null for what is no array. */
  'json.arrappend'(key: Key, path: string, ...values: string[]): Reply
  /** Returns the first place of a value in the arrays at a path, -1 where it is not, null for what is no array. */
  'json.arrindex'(key: Key, path: string, value: string | number, start?: number, stop?: number): Reply
  /** Inserts values before an index into the arrays at a path. Returns their lengths, null for what is no array. */
  'json.arrinsert'(key: Key, path: string, index: number, ...values: string[]): Reply
  /** Returns the lengths of the arrays at a path, null for what is no array. */
  'json.arrlen'(key: Key, path?: string): Reply
  /** Removes an element, the last by default, from the arrays at a path, and returns it as JSON text; null if there is none. */
  'json.arrpop'(key: Key, path?: string, index?: number): Reply
  /** Keeps a range of the arrays at a path, both ends included. Returns their lengths, null for what is no array. */
  'json.arrtrim'(key: Key, path: string, start: number, stop: number): Reply
  /** Empties the arrays and objects at a path and sets its numbers to 0. Returns how many values it changed. */
  'json.clear'(key: Key, path?: string): number
  /** Tells the bytes that the values at a path take (MEMORY), or what it can tell (HELP). */
  'json.debug'(sub: string, ...args: Arg[]): Reply
  /** Deletes the values at a path of a document, the document itself at the root. Returns how many it deleted. */
  'json.del'(key: Key, path?: string): number
  /** Deletes the values at a path of a document: another name of JSON.DEL. */
  'json.forget'(key: Key, path?: string): number
  /** Returns the values at one or more paths of a document as JSON text. */
  'json.get'(key: Key, ...args: Arg[]): string | null
  /** Merges a value into those at a path: keys of objects are added, changed, and deleted by null. */
  'json.merge'(key: Key, path: string, value: string): 'OK' | null
  /** Returns the values at a path of several documents as JSON text, null for what is no document. */
  'json.mget'(...args: Arg[]): (string | null)[]
  /** Sets values at paths of several documents, all or none. */
  'json.mset'(...args: Arg[]): 'OK'
  /** Adds to the numbers at a path. Returns the sums, null for what is no number. */
  'json.numincrby'(key: Key, path: string, value: number | string): Reply
  /** Multiplies the numbers at a path. Returns the products, null for what is no number. */
  'json.nummultby'(key: Key, path: string, value: number | string): Reply
  /** Raises the numbers at a path to a power. Returns the results, null for what is no number. */
  'json.numpowby'(key: Key, path: string, value: number | string): Reply
  /** Returns the keys of the objects at a path, null for what is no object. */
  'json.objkeys'(key: Key, path?: string): Reply
  /** Returns how many keys the objects at a path have, null for what is no object. */
  'json.objlen'(key: Key, path?: string): Reply
  /** Returns the values at a path in the forms of the protocol: arrays behind "[", objects as "{" with keys and values in turn. */
  'json.resp'(key: Key, path?: string): Reply
  /** Sets the values at a path of a document, or adds a key to an object. A new document begins at the root. */
  'json.set'(key: Key, path: string, value: string, condition?: 'NX' | 'XX'): 'OK' | null
  /** Appends to the strings at a path. Returns their lengths in bytes, null for what is no string. */
  'json.strappend'(key: Key, ...args: Arg[]): Reply
  /** Returns the lengths of the strings at a path in bytes, null for what is no string. */
  'json.strlen'(key: Key, path?: string): Reply
  /** Turns the booleans at a path. Returns what they are then: 1 or 0, null for what is none. */
  'json.toggle'(key: Key, path: string): Reply
  /** Returns the types of the values at a path: null, boolean, integer, number, string, array or object. */
  'json.type'(key: Key, path?: string): Reply
  /** Returns all keys that match a pattern. SCAN does it in small steps. */
  keys(pattern: Value): string[]
  /** Returns when the data was last saved, in seconds since 1970. */
  lastsave(): number
  /** Shows what took long, and how long commands take. */
  latency(sub: string, ...args: Arg[]): Reply
  /** Finds the longest common subsequence of two strings: itself, its length, or where its pieces are. */
  lcs(key1: Key, key2: Key, ...options: Arg[]): string | number | { matches: unknown[]; len: number }
  /** Returns the element of a list at an index, counted from the end when negative. */
  lindex(key: Key, index: number): string | null
  /** Adds an element before or after the first one that is equal to the pivot, and returns the length; -1 if there is none. */
  linsert(key: Key, where: 'BEFORE' | 'AFTER', pivot: Value, element: Value): number
  /** Returns the length of a list. */
  llen(key: Key): number
  /** Moves an element from an end of one list to an end of another, or of the same, and returns it. */
  lmove(source: Key, destination: Key, from: 'LEFT' | 'RIGHT', to: 'LEFT' | 'RIGHT'): string | null
  /** Removes elements from an end of the first list that has one and returns them with the key. */
  lmpop(numkeys: number, ...args: Arg[]): [string, string[]] | null
  /** Draws something, and says the version. */
  lolwut(...options: Arg[]): string
  /** Removes the first elements of a list and returns them. */
  lpop(key: Key, count?: number): string | null | string[]
  /** Returns the index of an element in a list, or those of several that are equal. */
  lpos(key: Key, element: Value, ...options: Arg[]): number | null | number[]
  /** Adds elements before the first one of a list, one after another, and returns the length. */
  lpush(key: Key, ...elements: Value[]): number
  /** Adds elements before the first one of a list. Does nothing if the key is missing. */
  lpushx(key: Key, ...elements: Value[]): number
  /** Returns the elements of a list from one index to another, both included. */
  lrange(key: Key, start: number, stop: number): string[]
  /** Removes elements that are equal to the one given: so many from the front, from the back when negative, or all when 0. */
  lrem(key: Key, count: number, element: Value): number
  /** Replaces the element of a list at an index, counted from the end when negative. */
  lset(key: Key, index: number, element: Value): 'OK'
  /** Removes all elements of a list but those from one index to another, both included. */
  ltrim(key: Key, start: number, stop: number): 'OK'
  /** Tells about memory. */
  memory(sub: string, ...args: Arg[]): Reply
  /** Returns the string values of several keys; null for a key that is missing or holds another type. */
  mget(...keys: Key[]): (string | null)[]
  /** Shows every command that any connection runs, until the connection is closed or reset. */
  monitor(): void
  /** Moves a key to another database. Returns 1, or 0 if it is missing here or there already. */
  move(key: Key, db: number): number
  /** Sets the string values of several keys, all at once. */
  mset(...pairs: [Key, Value, ...(Key | Value)[]]): 'OK'
  /** Sets the string values of several keys, all at once and with one expiry; with NX only if none of the keys exists, with XX only if all do. Returns 1 if it did, 0 if not. */
  msetex(numkeys: number, ...pairsAndOptions: Arg[]): number
  /** Sets the string values of several keys only if none of the keys exists. */
  msetnx(...pairs: [Key, Value, ...(Key | Value)[]]): number
  /** Starts a transaction: the commands that follow are queued until EXEC. */
  multi(): 'OK'
  /** How the value at a key is kept. */
  object(sub: string, ...args: Arg[]): Reply
  /** Takes the expiry of a key back. Returns 1 if it had one, 0 if not. */
  persist(key: Key): number
  /** Sets a key to expire in so many milliseconds. Returns 1, or 0 if the key is missing or a condition fails. */
  pexpire(key: Key, milliseconds: number, ...options: Arg[]): number
  /** Sets a key to expire at a Unix time in milliseconds. Returns 1, or 0 if the key is missing or a condition fails. */
  pexpireat(key: Key, unixTimeMilliseconds: number, ...options: Arg[]): number
  /** Returns the Unix time in milliseconds at which a key expires: -1 without an expiry, -2 without the key. */
  pexpiretime(key: Key): number
  /** Adds elements to a HyperLogLog, made if the key is missing. Returns 1 if that changed it, 0 if not. */
  pfadd(key: Key, ...elements: Value[]): number
  /** Estimates how many different elements were added to a HyperLogLog, or to any of several; the standard error is 0.81 %. */
  pfcount(key: Key, ...keys: Key[]): number
  /** Looks into a HyperLogLog: its registers (which makes it dense), its runs, its encoding; or makes it dense. SIMD, of newer servers, is accepted and chooses nothing. */
  pfdebug(subcommand: 'GETREG' | 'DECODE' | 'ENCODING' | 'TODENSE', key: Key): Reply
  /** Adds to a HyperLogLog, made if the key is missing, everything that was added to others. */
  pfmerge(destkey: Key, ...sourcekeys: Key[]): 'OK'
  /** Tries HyperLogLogs on elements of its own: both encodings must agree, and be right within four standard errors. */
  pfselftest(): 'OK'
  /** Answers PONG, or the message. */
  ping(message?: Value): string
  /** Sets the string value of a key for so many milliseconds. SET with PX does the same. */
  psetex(key: Key, milliseconds: number, value: Value): 'OK'
  /** Listens to all channels whose names match the glob patterns. */
  psubscribe(...patterns: Key[]): void
  /** Makes the connection a follower, from a place in the feed if possible. It never is here: a snapshot comes first. */
  psync(replicationid: string, offset: number): Reply
  /** Returns the milliseconds a key has left: -1 without an expiry, -2 without the key. */
  pttl(key: Key): number
  /** Sends a message to all who listen to a channel; returns how many got it. */
  publish(channel: Key, message: Value): number
  /** Tells who listens to what. */
  pubsub(sub: string, ...args: Arg[]): Reply
  /** Stops listening to patterns, or to all of them. */
  punsubscribe(...patterns: Key[]): void
  /** Closes the connection. */
  quit(): 'OK'
  /** Returns a random key of the database, or null when there is none. */
  randomkey(): string | null
  /** Would let this connection read from a follower; there is no cluster. */
  readonly(): Reply
  /** Would take READONLY back; there is no cluster. */
  readwrite(): Reply
  /** Renames a key, over whatever the new name held. */
  rename(key: Key, newkey: Key): 'OK'
  /** Renames a key unless the new name is there. Returns 1 if it did, 0 if not. */
  renamenx(key: Key, newkey: Key): number
  /** Tells what a follower is and can, and how far it has come. */
  replconf(...options: Arg[]): 'OK'
  /** Makes this server a leader again (NO ONE). Following another one is not possible yet. */
  replicaof(host: string, port: Arg): 'OK'
  /** Makes the connection as it was when it was opened. */
  reset(): 'RESET'
  /** Makes a key from what DUMP returned, here or on another server. It expires after ttl milliseconds (0: never) or, with ABSTTL, at that time. Payloads are always checked as if sanitize-dump-payload were yes. */
  restore(key: Key, ttl: number, serializedValue: Value, ...options: Arg[]): 'OK'
  /** Makes a key from what DUMP returned, as RESTORE does: the name that a cluster uses. */
  'restore-asking'(key: Key, ttl: number, serializedValue: Value, ...options: Arg[]): 'OK'
  /** Returns the part this server has in replication, the place in its feed, and its followers with theirs. */
  role(): Reply[]
  /** Removes the last elements of a list and returns them. */
  rpop(key: Key, count?: number): string | null | string[]
  /** Moves the last element of one list before the first of another, or of the same, and returns it. */
  rpoplpush(source: Key, destination: Key): string | null
  /** Adds elements after the last one of a list, one after another, and returns the length. */
  rpush(key: Key, ...elements: Value[]): number
  /** Adds elements after the last one of a list. Does nothing if the key is missing. */
  rpushx(key: Key, ...elements: Value[]): number
  /** Adds members to a set, made if it is not there. Returns how many were new. */
  sadd(key: Key, member: Value, ...members: Value[]): number
  /** Saves the data before anything else is done. */
  save(): 'OK'
  /** Returns some keys of the database, and the cursor that continues from there: 0 when all have been returned. */
  scan(cursor: Arg, ...options: Arg[]): [string, string[]]
  /** Returns how many members a set has. */
  scard(key: Key): number
  /** Returns the members of the first set that none of the others has. */
  sdiff(key: Key, ...keys: Key[]): string[]
  /** Stores the members of the first set that none of the others has as a set. Returns how many they are. */
  sdiffstore(destination: Key, key: Key, ...keys: Key[]): number
  /** Works on another database from here on. */
  select(index: number): 'OK'
  /** Sets the string value of a key, whatever type it held, and removes its expiry. */
  set(key: Key, value: Value, ...options: Arg[]): 'OK' | string | null
  /** Sets or clears a bit of the string value of a key, which grows to hold it, and returns what the bit was. */
  setbit(key: Key, offset: number, value: 0 | 1): number
  /** Sets the string value of a key for so many seconds. SET with EX does the same. */
  setex(key: Key, seconds: number, value: Value): 'OK'
  /** Sets the string value of a key only if the key does not exist. SET with NX does the same. */
  setnx(key: Key, value: Value): number
  /** Overwrites a part of the string value of a key from an offset on, and returns its length. Zero bytes fill a gap. */
  setrange(key: Key, offset: number, value: Value): number
  /** Saves the data, unless told not to, and stops. */
  shutdown(...options: ('NOSAVE' | 'SAVE' | 'NOW' | 'FORCE' | 'ABORT')[]): void
  /** Returns the members that all sets have. */
  sinter(key: Key, ...keys: Key[]): string[]
  /** Returns how many members all sets have in common, counting no further than a limit. */
  sintercard(numkeys: number, ...args: Arg[]): number
  /** Stores the members that all sets have as a set. Returns how many they are. */
  sinterstore(destination: Key, key: Key, ...keys: Key[]): number
  /** Returns 1 if a member is in a set, 0 if not. */
  sismember(key: Key, member: Value): number
  /** The older name of REPLICAOF. */
  slaveof(host: string, port: Arg): 'OK'
  /** Shows the commands that took longest lately. */
  slowlog(sub: string, ...args: Arg[]): Reply
  /** Returns all members of a set. */
  smembers(key: Key): string[]
  /** Returns for each of the members 1 if it is in a set, 0 if not. */
  smismember(key: Key, member: Value, ...members: Value[]): number[]
  /** Moves a member from one set to another. Returns 1 if it was there, 0 if not. */
  smove(source: Key, destination: Key, member: Value): number
  /** Sorts a list, set or sorted set, by its elements or by other keys, and returns or stores the result. */
  sort(key: Key, ...options: Arg[]): (string | null)[] | number
  /** Sorts as SORT does, but cannot store. */
  sort_ro(key: Key, ...options: Arg[]): (string | null)[]
  /** Removes and returns a random member of a set, or several different ones. The key goes with the last one. */
  spop(key: Key, count?: number): string | string[] | null
  /** Sends a message to all who listen to a shard channel; returns how many got it. */
  spublish(shardchannel: Key, message: Value): number
  /** Returns a random member of a set; with a count, so many different ones; with a negative count, so many with repetitions. */
  srandmember(key: Key, count?: number): string | string[] | null
  /** Removes members from a set. Returns how many were there. The key goes with the last one. */
  srem(key: Key, member: Value, ...members: Value[]): number
  /** Returns some members of a set, and the cursor that continues from there: 0 when all have been returned. */
  sscan(key: Key, cursor: Arg, ...options: Arg[]): [string, string[]]
  /** Listens to shard channels. */
  ssubscribe(...shardchannels: Key[]): void
  /** Returns the length of the string value of a key in bytes, 0 for a missing key. */
  strlen(key: Key): number
  /** Listens to channels. */
  subscribe(...channels: Key[]): void
  /** Returns a range of the bytes of the string value of a key. GETRANGE is its newer name. */
  substr(key: Key, start: number, end: number): string
  /** Returns the members that any of the sets has. */
  sunion(key: Key, ...keys: Key[]): string[]
  /** Stores the members that any of the sets has as a set. Returns how many they are. */
  sunionstore(destination: Key, key: Key, ...keys: Key[]): number
  /** Stops listening to shard channels, or to all of them. */
  sunsubscribe(...shardchannels: Key[]): void
  /** Exchanges the data of two databases. */
  swapdb(index1: number, index2: number): 'OK'
  /** Makes the connection a follower: it gets a snapshot, then every change. */
  sync(): Reply
  /** Returns the time: seconds since 1970, and the microseconds of the running second. */
  time(): [string, string]
  /** Remembers that keys were accessed now. Returns how many are there. */
  touch(key: Key, ...keys: Key[]): number
  /** Returns the seconds a key has left: -1 without an expiry, -2 without the key. */
  ttl(key: Key): number
  /** Returns the type of the value at a key: string, list, set, zset, hash; none without the key. */
  type(key: Key): string
  /** Deletes keys at once, and frees large values a slice at a time afterwards. Returns how many were there. */
  unlink(key: Key, ...keys: Key[]): number
  /** Stops listening to channels, or to all of them. */
  unsubscribe(...channels: Key[]): void
  /** Forgets all watched keys. */
  unwatch(): 'OK'
  /** Adds an element with its vector to a vector set, or gives it another vector. Returns whether it is new. */
  vadd(key: Key, ...args: Arg[]): number
  /** Returns the number of elements of a vector set. */
  vcard(key: Key): number
  /** Returns the number of dimensions of the vectors of a vector set, after REDUCE if it was used. */
  vdim(key: Key): number
  /** Returns the vector of an element, or how it is kept: form, bytes, length, and for bytes their range. */
  vemb(key: Key, element: Value, raw?: 'RAW'): Reply
  /** Returns the attributes of an element. */
  vgetattr(key: Key, element: Value): string | null
  /** Describes a vector set: the form of its vectors, its dimensions, its size and its graph. */
  vinfo(key: Key): Reply
  /** Tells whether a vector set has an element. */
  vismember(key: Key, element: Value): number
  /** Returns the neighbours of an element in the graph, for each of its levels, with their similarities if asked for. */
  vlinks(key: Key, element: Value, withScores?: 'WITHSCORES'): Reply
  /** Returns a random element of a vector set; with a count, so many different ones; with a negative count, so many with repetitions. */
  vrandmember(key: Key, count?: number): string | string[] | null
  /** Returns the elements of a vector set between two names, in order; at most so many if a count is given. */
  vrange(key: Key, start: string, end: string, count?: number): string[]
  /** Removes an element from a vector set. Returns whether it was there. */
  vrem(key: Key, element: Value): number
  /** Gives an element of a vector set attributes, a JSON object for FILTER; an empty string takes them away. Returns whether it is there. */
  vsetattr(key: Key, element: Value, attributes: string): number
  /** Returns the elements of a vector set that are most similar to an element or a vector: 1 in the same direction, 0 in the opposite. */
  vsim(key: Key, ...args: Arg[]): Reply
  /** Waits until so many followers have what this connection wrote, or the time is over. Returns how many have it. */
  wait(numreplicas: number, timeout_ms: number): number
  /** Waits until what this connection wrote is safe in the log here, and at so many followers. */
  waitaof(numlocal: number, numreplicas: number, timeout_ms: number): [number, number]
  /** Makes the next EXEC do nothing if one of the keys changes before it. */
  watch(...keys: Key[]): 'OK'
  /** Takes entries off the list of what is pending for a consumer group and returns how many were on it. */
  xack(key: Key, group: string, ...ids: string[]): number
  /** Takes entries off the list of what is pending for a consumer group and deletes them, and says of each whether it was pending (1, -1) or stays because another group needs it (2). */
  xackdel(key: Key, group: string, ...rest: Arg[]): number[]
  /** Adds an entry to the end of a stream and returns its id. */
  xadd(key: Key, ...rest: Arg[]): string | null
  /** Takes over entries that have been pending for long enough, from an id on. Returns where to go on, the entries, and the ids of those that were deleted, which are pending no more. */
  xautoclaim(key: Key, group: string, consumer: string, minIdleTime: number, start: string, ...rest: Arg[]): [string, unknown[], string[]]
  /** Makes entries that have been pending for long enough pending for another consumer and returns them. Those that are deleted are pending no more. */
  xclaim(key: Key, group: string, consumer: string, minIdleTime: number, ...rest: Arg[]): unknown[]
  /** Deletes entries of a stream and returns how many were there. */
  xdel(key: Key, ...ids: string[]): number
  /** Deletes entries of a stream and says of each whether it was there (1, -1) or stays because a group needs it (2); can make all groups forget them. */
  xdelex(key: Key, ...rest: Arg[]): number[]
  /** Consumer groups and their consumers. */
  xgroup(sub: string, ...args: Arg[]): Reply
  /** What there is to know of a stream, its groups and their consumers. */
  xinfo(sub: string, ...args: Arg[]): Reply
  /** Returns the number of entries of a stream. */
  xlen(key: Key): number
  /** Returns how many entries are pending for a consumer group, the first, the last, and how many for each consumer; or, in a range, each with its consumer, the ms since its last delivery and how often it was delivered. */
  xpending(key: Key, group: string, ...rest: Arg[]): unknown[]
  /** Returns the entries of a stream from one id to another, `-` and `+` for the first and the last. */
  xrange(key: Key, start: string, end: string, ...count: Arg[]): [string, string[]][]
  /** Returns the entries of streams that are behind an id, `$` for the last there is now, `+` for the one before it. Waits if there are none and BLOCK is given. */
  xread(...args: Arg[]): Record<string, [string, string[]][]> | null
  /** Returns entries that no consumer of the group was given (`>`), which then are pending for this one, or those that are pending for it behind an id. CLAIM takes over what others left first. Waits if there are none and BLOCK is given. */
  xreadgroup(...args: Arg[]): Record<string, unknown[][]> | null
  /** Returns the entries of a stream from one id back to another. */
  xrevrange(key: Key, end: string, start: string, ...count: Arg[]): [string, string[]][]
  /** Sets the last id of a stream, and how many entries were ever added and which was the last one deleted; for copies of streams. */
  xsetid(key: Key, lastId: string, ...rest: Arg[]): 'OK'
  /** Removes entries from the beginning of a stream, down to a length or up to an id, and returns how many. */
  xtrim(key: Key, ...rest: Arg[]): number
  /** Adds members with scores to a sorted set, or changes the scores of those that are there. */
  zadd(key: Key, ...args: Arg[]): number | null
  /** Returns the number of members of a sorted set. */
  zcard(key: Key): number
  /** Returns how many members have a score from one to another; `(` excludes an end. */
  zcount(key: Key, min: Arg, max: Arg): number
  /** Returns the members of the first sorted set that no other has. */
  zdiff(numkeys: number, ...args: Arg[]): string[] | [string, number][]
  /** Stores the members of the first sorted set that no other has, and returns how many there are. */
  zdiffstore(destination: Key, numkeys: number, ...keys: Key[]): number
  /** Adds to the score of a member, which is added with the increment as its score if it is new. */
  zincrby(key: Key, increment: number, member: Value): number
  /** Returns the members that all sorted sets given have; their scores are added, or the smallest or largest is taken. */
  zinter(numkeys: number, ...args: Arg[]): string[] | [string, number][]
  /** Returns how many members all sorted sets given have, and stops counting at a limit. */
  zintercard(numkeys: number, ...args: Arg[]): number
  /** Stores the members that all sorted sets given have, and returns how many there are. */
  zinterstore(destination: Key, numkeys: number, ...args: Arg[]): number
  /** Returns how many members are from one text to another, where all scores are equal. */
  zlexcount(key: Key, min: Arg, max: Arg): number
  /** Removes members with the lowest or highest scores from the first sorted set that has one and returns them with the key. */
  zmpop(numkeys: number, ...args: Arg[]): [string, [string, number][]] | null
  /** Returns the scores of several members. */
  zmscore(key: Key, ...members: Value[]): (number | null)[]
  /** Removes the members with the highest scores and returns them with their scores. */
  zpopmax(key: Key, count?: number): [string, number] | [] | [string, number][]
  /** Removes the members with the lowest scores and returns them with their scores. */
  zpopmin(key: Key, count?: number): [string, number] | [] | [string, number][]
  /** Returns random members: so many different ones, or with repetitions when the count is negative. */
  zrandmember(key: Key, count?: number, withScores?: 'WITHSCORES'): string | null | string[] | [string, number][]
  /** Returns the members of a range of ranks, of scores or of texts. */
  zrange(key: Key, start: Arg, stop: Arg, ...options: Arg[]): string[] | [string, number][]
  /** Returns the members from one text to another, where all scores are equal. ZRANGE with BYLEX does the same. */
  zrangebylex(key: Key, min: Arg, max: Arg, ...options: Arg[]): string[]
  /** Returns the members with a score from one to another. ZRANGE with BYSCORE does the same. */
  zrangebyscore(key: Key, min: Arg, max: Arg, ...options: Arg[]): string[] | [string, number][]
  /** Stores the members of a range of ranks, of scores or of texts, and returns how many there are. */
  zrangestore(dst: Key, src: Key, min: Arg, max: Arg, ...options: Arg[]): number
  /** Returns how many members are before a member, and on request its score. */
  zrank(key: Key, member: Value, withScore?: 'WITHSCORE'): number | null | [number, number]
  /** Removes members from a sorted set and returns how many there were. */
  zrem(key: Key, ...members: Value[]): number
  /** Removes the members from one text to another, where all scores are equal. */
  zremrangebylex(key: Key, min: Arg, max: Arg): number
  /** Removes the members from one rank to another, both included; negative ranks count from the highest score. */
  zremrangebyrank(key: Key, start: number, stop: number): number
  /** Removes the members with a score from one to another; `(` excludes an end. */
  zremrangebyscore(key: Key, min: Arg, max: Arg): number
  /** Returns the members of a range of ranks, the highest score first. ZRANGE with REV does the same. */
  zrevrange(key: Key, start: number, stop: number, withScores?: 'WITHSCORES'): string[] | [string, number][]
  /** Returns the members from a higher text to a lower one, where all scores are equal. ZRANGE with BYLEX and REV does the same. */
  zrevrangebylex(key: Key, max: Arg, min: Arg, ...options: Arg[]): string[]
  /** Returns the members with a score from a higher to a lower one. ZRANGE with BYSCORE and REV does the same. */
  zrevrangebyscore(key: Key, max: Arg, min: Arg, ...options: Arg[]): string[] | [string, number][]
  /** Returns how many members are behind a member, and on request its score. */
  zrevrank(key: Key, member: Value, withScore?: 'WITHSCORE'): number | null | [number, number]
  /** Visits the members of a sorted set and their scores in portions. */
  zscan(key: Key, cursor: Arg, ...options: Arg[]): [string, string[]]
  /** Returns the score of a member. */
  zscore(key: Key, member: Value): number | null
  /** Returns the members of all sorted sets given; scores of the same member are added, or the smallest or largest is taken. */
  zunion(numkeys: number, ...args: Arg[]): string[] | [string, number][]
  /** Stores the members of all sorted sets given, and returns how many there are. */
  zunionstore(destination: Key, numkeys: number, ...args: Arg[]): number
}
