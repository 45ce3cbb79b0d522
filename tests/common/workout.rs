//! What one can do with a key, done with every key of an engine: for values of doubtful origin.

use super::engine::EnginePeer;
use super::peer::Peer;
use tabdis::ds::dict::Keyed;
use tabdis::resp::reply::Value;

/// Reads every key by all commands of its type, dumps and restores it, changes it in every way, does it again and deletes it.
/// Fails if a read is refused, if the copy is another, or if anything is left. Returns how many keys there were.
pub fn work_out(peer: &mut EnginePeer) -> usize {
    let mut done = 0;
    for db in 0..peer.engine.ks.db_count() {
        let keys: Vec<Vec<u8>> = peer.engine.ks.in_db(db, |ks| ks.iter().map(|entry| entry.key().to_vec()).collect());
        let mut gym = Gym { peer, key: Vec::new() };
        gym.run(&format!("SELECT {db}"));
        done += keys.len();
        for key in keys {
            gym.key = key;
            gym.train();
        }
        // DBSIZE counts due keys too, which nobody can reach.
        assert_eq!(peer.engine.ks.in_db(db, |ks| ks.iter().count()), 0);
    }
    done
}

struct Gym<'a> {
    peer: &'a mut EnginePeer,
    key: Vec<u8>,
}

impl Gym<'_> {
    /// Sends the words of `line`, where `K` is the key and `E` is `element`.
    fn send(&mut self, line: &str, element: &[u8]) -> Value {
        let word = |word: &str| match word {
            "K" => self.key.clone(),
            "E" => element.to_vec(),
            word => word.as_bytes().to_vec(),
        };
        let argv: Vec<Vec<u8>> = line.split(' ').map(word).collect();
        if self.peer.waits(1) {
            self.peer.close(1);
        }
        self.peer.send(1, &argv);
        self.peer.arrived(1).into_iter().next().unwrap_or(Value::Nil)
    }

    fn run(&mut self, line: &str) -> Value {
        self.send(line, b"")
    }

    fn read(&mut self, lines: &[&str]) {
        for line in lines {
            let reply = self.run(line);
            assert!(!reply.is_error(), "{line} of {}: {reply:?}", self.key.escape_ascii());
        }
    }

    /// Sends all lines, with a member, field or element that is there for `E`.
    fn change(&mut self, ask: &str, lines: &[&str]) {
        for line in lines {
            let element = self.run(ask);
            let element =
                element.items().and_then(<[Value]>::first).unwrap_or(&element).text().unwrap_or(b"x").to_vec();
            self.send(line, &element);
        }
    }

    fn train(&mut self) {
        self.look();
        self.copy();
        self.alter();
        if self.run("EXISTS K") == Value::Int(1) {
            self.look();
            self.copy();
            assert_eq!(self.run("DEL K"), Value::Int(1));
        }
    }

    fn kind(&mut self) -> String {
        let reply = self.run("TYPE K");
        String::from_utf8_lossy(reply.text().unwrap_or_default()).into_owned()
    }

    fn look(&mut self) {
        self.read(&["OBJECT ENCODING K", "PEXPIRETIME K", "MEMORY USAGE K SAMPLES 0", "DEBUG OBJECT K"]);
        match &*self.kind() {
            "string" => self.read(&["GET K", "STRLEN K", "GETRANGE K 0 -1", "BITCOUNT K", "BITPOS K 1"]),
            "list" => self.read(&["LRANGE K 0 -1", "LRANGE K -3 -2", "LLEN K", "LINDEX K -1", "LPOS K x COUNT 0"]),
            "set" => {
                self.read(&["SMEMBERS K", "SCARD K", "SRANDMEMBER K 3", "SSCAN K 0", "SISMEMBER K 5", "SUNION K K"])
            }
            "zset" => self.read(&[
                "ZRANGE K 0 -1 WITHSCORES",
                "ZREVRANGE K 0 2",
                "ZCARD K",
                "ZSCAN K 0",
                "ZCOUNT K -inf +inf",
                "ZRANGEBYSCORE K (0 5",
                "ZLEXCOUNT K - +",
                "ZRANK K x",
            ]),
            "hash" => self.read(&["HGETALL K", "HLEN K", "HSCAN K 0", "HRANDFIELD K 3 WITHVALUES", "HGET K f"]),
            "stream" => {
                self.read(&[
                    "XRANGE K - +",
                    "XREVRANGE K + -",
                    "XLEN K",
                    "XINFO STREAM K FULL COUNT 0",
                    "XREAD STREAMS K 0",
                ]);
                self.read(&["XINFO GROUPS K"]);
            }
            "ReJSON-RL" => self.read(&["JSON.GET K", "JSON.TYPE K $..*", "JSON.GET K $..a"]),
            "vectorset" => self.read(&["VINFO K", "VCARD K", "VDIM K", "VRANDMEMBER K 3"]),
            kind => panic!("{} is of type {kind}", self.key.escape_ascii()),
        }
    }

    /// Dumps, restores under another name, compares.
    fn copy(&mut self) {
        let Value::Bulk(payload) = self.run("DUMP K") else { panic!("{} has no dump", self.key.escape_ascii()) };
        let reply = self.send("RESTORE the-copy 0 E REPLACE", &payload);
        assert!(!reply.is_error(), "{} is not restored: {reply:?}", self.key.escape_ascii());
        let ks = &self.peer.engine.ks;
        let [of_key, of_copy] = [&self.key, &b"the-copy"[..]].map(|key| ks.see_entry(key).map(super::value));
        assert_eq!(of_copy, of_key);
        assert_eq!(self.run("DEL the-copy"), Value::Int(1));
    }

    fn alter(&mut self) {
        match &*self.kind() {
            "string" => self.change("GET K", &["APPEND K x", "SETRANGE K 5 yy", "SETBIT K 9 1", "INCR K", "SET K E"]),
            "list" => self.change(
                "LINDEX K 0",
                &[
                    "RPUSH K E",
                    "LPUSH K 12",
                    "LINSERT K BEFORE E 5",
                    "LINSERT K AFTER E a-longer-one",
                    "LSET K -1 E",
                    "LREM K 1 E",
                    "LPOP K",
                    "RPOP K 2",
                    "LTRIM K 0 5",
                ],
            ),
            "set" => self.change(
                "SRANDMEMBER K",
                &["SADD K 12 x E", "SREM K E", "SPOP K", "SMOVE K the-copy E", "DEL the-copy"],
            ),
            "zset" => self.change(
                "ZRANGE K 0 0",
                &["ZINCRBY K 2 E", "ZADD K 1 x -3 y", "ZREM K E", "ZPOPMAX K", "ZREMRANGEBYRANK K 1 2", "ZPOPMIN K"],
            ),
            "hash" => self.change(
                "HRANDFIELD K",
                &[
                    "HSET K E 5",
                    "HINCRBY K E 1",
                    "HPEXPIRE K 100000 FIELDS 1 E",
                    "HSET K f v",
                    "HPEXPIRE K 200000 FIELDS 1 E",
                    "HPERSIST K FIELDS 1 E",
                    "HDEL K E",
                ],
            ),
            "stream" => self.alter_stream(),
            "ReJSON-RL" => {
                self.change("JSON.TYPE K", &["JSON.SET K $.n 5", "JSON.NUMINCRBY K $..n 1", "JSON.DEL K $..a"])
            }
            "vectorset" => self.change("VRANDMEMBER K", &["VSIM K ELE E", "VSETATTR K E {}", "VLINKS K E", "VREM K E"]),
            _ => {}
        }
    }

    fn alter_stream(&mut self) {
        let groups = self.run("XINFO GROUPS K");
        let groups: Vec<Vec<u8>> = groups
            .items()
            .unwrap_or_default()
            .iter()
            .filter_map(|group| group.items()?.get(1)?.text().map(<[u8]>::to_vec))
            .collect();
        let new = b"the-new".to_vec();
        self.run("XGROUP CREATE K the-new 0");
        for group in groups.iter().chain([&new]) {
            for line in [
                "XINFO CONSUMERS K E",
                "XPENDING K E",
                "XPENDING K E - + 10",
                "XREADGROUP GROUP E c COUNT 3 STREAMS K >",
                "XREADGROUP GROUP E c STREAMS K 0",
                "XAUTOCLAIM K E d 0 0 COUNT 2",
                "XCLAIM K E e 0 1-1 FORCE",
                "XACK K E 1-1",
                "XGROUP DELCONSUMER K E c",
            ] {
                self.send(line, group);
            }
        }
        for line in
            ["XADD K * f v", "XADD K NOMKSTREAM * g v h w", "XTRIM K MAXLEN 3", "XDEL K 1-1", "XTRIM K MAXLEN ~ 1"]
        {
            self.run(line);
        }
        groups.iter().for_each(|group| _ = self.send("XGROUP DESTROY K E", group));
    }
}
