//! Access control held against every row: whoever lacks a permission is refused before anything is read or changed.
//!
//! `TABDIS_SEED=n TABDIS_STEPS=n` repeat a run and lengthen it.
#![cfg(not(target_family = "wasm"))]

mod common;

use common::engine::EnginePeer;
use common::peer::Peer;
use common::words::{self, Vocabulary, Word};
use common::{compare, typed};
use tabdis::base::rng::Rng;
use tabdis::engine::Host;
use tabdis::engine::keys::{self, access};
use tabdis::engine::row::{Slot, flag};
use tabdis::engine::{Group, SessionId};
use tabdis::resp::reply::{Value, to_cli};

const START: u64 = 1_700_000_000_000;
/// Commands of each row, unless told otherwise.
const STEPS: u64 = 40;
/// The client that may do everything, and the one that may not.
const OWNER: usize = 1;
const GUEST: usize = 2;

type Argv = Vec<Vec<u8>>;

fn argv(line: &str) -> Argv {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// Sends a line and returns the one reply.
fn ask(peer: &mut EnginePeer, client: usize, line: &str) -> Value {
    let argv = argv(line);
    peer.ask(client, &argv.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn text(value: &Value) -> String {
    String::from_utf8_lossy(value.text().unwrap_or_default()).into_owned()
}

/// An engine with data of all types, and a guest who may do what `rules` say.
fn world(seed: u64, rules: &str) -> EnginePeer {
    let mut peer = EnginePeer::at(seed, START);
    let vocabulary = Vocabulary::new(|slot| Vocabulary::is_data(slot) && !slot.row.has(flag::BLOCKING));
    let mut rng = Rng::new(seed);
    for _ in 0..600 {
        peer.send(OWNER, &vocabulary.command(&mut rng));
        peer.arrived(OWNER);
    }
    let mut setuser = argv("ACL SETUSER guest on nopass");
    setuser.extend(argv(rules));
    peer.send(OWNER, &setuser);
    assert_eq!(peer.arrived(OWNER), [Value::Simple(b"OK".to_vec())], "{rules}");
    become_guest(&mut peer);
    peer.record();
    peer
}

fn become_guest(peer: &mut EnginePeer) {
    peer.close(GUEST);
    assert!(!ask(peer, GUEST, "AUTH guest x").is_error());
}

/// Runs commands by chance of every row as the guest; `judge` says what is wrong with a reply, given whether data changed.
fn every_row(rules: &str, judge: impl Fn(&Slot, &Argv, &[Value], bool) -> Option<String>) {
    let seed = common::seed(7);
    let steps = common::steps(STEPS);
    let mut rng = Rng::new(seed);
    let mut vocabulary = Vocabulary::new(|_| true);
    vocabulary.spoiled = 10;
    let mut peer = world(seed, rules);
    let mut complaints = Vec::new();
    for word in &vocabulary.words {
        let before = peer.content();
        let told = complaints.len();
        for _ in 0..steps {
            complaints.extend(try_one(&mut peer, &vocabulary, word, &mut rng, &judge));
        }
        // All data once a row: what is no effect is no change either.
        let difference = compare(&peer.content(), &before).err().filter(|_| complaints.len() == told);
        let allowed = judge(word.slot, &Vec::new(), &[Value::Error(b"ERR wrong number".to_vec())], true).is_none();
        complaints.extend(difference.filter(|_| !allowed).map(|why| format!("{}: {why}", word.slot.full_name)));
    }
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints[..complaints.len().min(40)].join("\n")
    );
}

fn try_one(
    peer: &mut EnginePeer,
    vocabulary: &Vocabulary,
    word: &Word,
    rng: &mut Rng,
    judge: &impl Fn(&Slot, &Argv, &[Value], bool) -> Option<String>,
) -> Option<String> {
    if peer.is_closed(GUEST) || peer.waits(GUEST) {
        become_guest(peer);
    }
    // What it did before must not matter.
    let id = peer.session(GUEST);
    let session = peer.engine.sessions.get_mut(id).expect("it is open");
    session.multi = None;
    if session.monitor || session.subscriptions() > 0 || session.is_silent() || peer.engine.acl_name(id) != "guest" {
        become_guest(peer);
    }
    let argv = vocabulary.fill(word, rng);
    if words::asks_for_memory(&argv) {
        return None;
    }
    let dirty = peer.engine.ks.dirty;
    peer.effects.clear();
    peer.send(GUEST, &argv);
    let replies = peer.arrived(GUEST);
    let changed = peer.engine.ks.dirty != dirty || !peer.effects.is_empty();
    let complaint = judge(word.slot, &argv, &replies, changed)?;
    let printed = replies.iter().map(|reply| String::from_utf8_lossy(&to_cli(reply)).into_owned()).collect::<String>();
    Some(format!("{} answers {}: {complaint}", typed(&argv), printed.chars().take(200).collect::<String>()))
}

/// The user of a session, by name.
trait Named {
    fn acl_name(&self, id: SessionId) -> String;
}

impl Named for tabdis::engine::Engine {
    fn acl_name(&self, id: SessionId) -> String {
        let who = self.sessions.get(id).expect("it is open").who;
        String::from_utf8_lossy(self.server.acl.name_of(who)).into_owned()
    }
}

/// The keys of a command, what is routed like one not among them. Nothing if its arguments make no sense.
fn keys_of(slot: &Slot, argv: &Argv) -> Option<Vec<keys::Found>> {
    let argv: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
    let mut found = keys::find(slot.row, &slot.full_name, &argv)?;
    found.retain(|key| key.flags & access::NOT_KEY == 0);
    Some(found)
}

fn says(replies: &[Value], code: &str) -> bool {
    matches!(replies, [Value::Error(text)] if text.starts_with(code.as_bytes()))
}

/// Whether a command names its keys, so that a user without keys can do nothing with it.
fn names_keys(slot: &Slot) -> bool {
    let specs = keys::parse(slot.row.keys).expect("every row's can be read");
    specs.iter().any(|spec| spec.flags & access::NOT_KEY == 0)
}

#[test]
fn who_may_touch_no_key_is_refused_before_anything_happens() {
    every_row("+@all &* ~nothing:*", |slot, argv, replies, changed| {
        if !names_keys(slot) {
            return None;
        }
        let has_keys = keys_of(slot, argv).is_some_and(|keys| !keys.is_empty());
        match replies {
            _ if changed => Some("it changed something".to_string()),
            // Wrong in itself, which is found before.
            _ if says(replies, "ERR wrong number") => None,
            _ if has_keys && !says(replies, "NOPERM this user has no permissions to access one of the keys") => {
                Some("it is not refused".to_string())
            }
            [Value::Error(_)] => None,
            // Without keys it may have something to say, but not about data.
            _ if !has_keys && (slot.row.has(flag::NO_MANDATORY_KEYS) || slot.full_name == "json.debug") => None,
            _ => Some("it is neither refused nor wrong".to_string()),
        }
    });
}

#[test]
fn who_may_run_no_command_runs_none() {
    every_row("-@all ~* &*", |slot, _, replies, changed| {
        let free = slot.row.has(flag::NO_AUTH);
        let spoiled = "EXECABORT Transaction discarded because of: wrong number";
        let wrong =
            says(replies, "ERR wrong number") || says(replies, spoiled) || says(replies, "ERR unknown subcommand");
        let refused =
            wrong || says(replies, "NOPERM") || says(replies, "EXECABORT Transaction discarded because of: NOPERM");
        match (free, refused, changed) {
            (_, _, true) => Some("it changed something".to_string()),
            (false, false, _) => Some("it is not refused".to_string()),
            _ => None,
        }
    });
}

/// Commands that change data without naming the keys: a permission for the command is all they need.
fn is_about_all_keys(slot: &Slot) -> bool {
    !names_keys(slot)
}

#[test]
fn who_may_only_read_changes_nothing() {
    every_row("+@all &* %R~*", |slot, _, _, changed| {
        (changed && !is_about_all_keys(slot)).then(|| "it changed something".to_string())
    });
}

#[test]
fn who_may_only_write_reads_nothing() {
    // Replies that hold what others wrote. Sizes, types and whether something exists may be told to whoever may write.
    const SECRET: &[u8] = b"tabdis-secret";
    let seed = common::seed(11);
    let mut rng = Rng::new(seed);
    let mut peer = world(seed, "+@all -@dangerous &* %W~*");
    ask(&mut peer, OWNER, "FLUSHALL");
    let mut vocabulary = Vocabulary::new(names_keys);
    (vocabulary.spoiled, vocabulary.edges) = (0, 0);
    let fill = |peer: &mut EnginePeer| {
        for line in
            ["SET t0 S", "SET t1 S", "LPUSH l0 S", "RPUSH l1 S", "SADD s0 S", "SADD s1 S", "HSET h0 S S", "HSET h1 S S"]
        {
            ask(peer, OWNER, &line.replace('S', &String::from_utf8_lossy(SECRET)));
        }
        for line in ["ZADD z0 1 S", "ZADD z1 1 S", "MSET t2 S t3 S"] {
            ask(peer, OWNER, &line.replace('S', &String::from_utf8_lossy(SECRET)));
        }
    };
    let mut complaints = Vec::new();
    for word in &vocabulary.words {
        for _ in 0..common::steps(STEPS) {
            fill(&mut peer);
            let argv = vocabulary.fill(word, &mut rng);
            if peer.waits(GUEST) || peer.is_closed(GUEST) {
                become_guest(&mut peer);
            }
            peer.send(GUEST, &argv);
            let told = format!("{:?}", peer.arrived(GUEST).iter().map(Value::clone).collect::<Vec<_>>());
            if told.contains(&format!("{SECRET:?}").trim_matches(['[', ']']).to_string()) {
                complaints.push(format!("{} answers {told}", typed(&argv)));
            }
            ask(&mut peer, OWNER, "FLUSHALL");
        }
    }
    assert!(complaints.is_empty(), "{}", complaints[..complaints.len().min(20)].join("\n"));
}

#[test]
fn a_guarded_user_with_all_permissions_gets_the_same_answers() {
    let seed = common::seed(13);
    let vocabulary = Vocabulary::new(|slot| Vocabulary::is_data(slot) || slot.row.group == Group::Transactions);
    // One permission is missing, so every command of the guest is checked.
    let mut guarded = world(seed, "+@all -acl|genpass ~* &*");
    let mut free = world(seed, "+@all ~* &*");
    let mut rng = Rng::new(seed);
    for _ in 0..common::steps(STEPS) * 100 {
        let argv = vocabulary.command(&mut rng);
        let [a, b] = [&mut guarded, &mut free].map(|peer| {
            if peer.waits(GUEST) {
                become_guest(peer);
            }
            peer.send(GUEST, &argv);
            peer.arrived(GUEST)
        });
        assert_eq!(a, b, "{}", typed(&argv));
    }
    common::assert_same(&guarded.content(), &free.content());
    assert!(guarded.effects == free.effects, "the effects differ");
}

#[test]
fn the_log_counts_merges_and_forgets() {
    let mut peer = world(1, "+get +multi +exec ~mine");
    let entries = |peer: &mut EnginePeer, line: &str| -> Vec<Vec<(String, Value)>> {
        let all = ask(peer, OWNER, line);
        let map = |entry: &Value| {
            let items = entry.items().unwrap_or_default();
            items.chunks(2).map(|pair| (text(&pair[0]), pair[1].clone())).collect()
        };
        all.items().unwrap_or_default().iter().map(map).collect()
    };
    let field = |entry: &[(String, Value)], name: &str| {
        let found = entry.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no {name} in {entry:?}"));
        match &found.1 {
            Value::Int(n) => n.to_string(),
            other => text(other),
        }
    };
    ask(&mut peer, OWNER, "ACL LOG RESET");
    for _ in 0..3 {
        assert!(ask(&mut peer, GUEST, "GET yours").is_error());
        peer.sleep(1_000);
    }
    ask(&mut peer, GUEST, "SET mine 1");
    ask(&mut peer, GUEST, "MULTI");
    ask(&mut peer, GUEST, "SET mine 1");
    ask(&mut peer, GUEST, "EXEC");
    ask(&mut peer, GUEST, "AUTH nobody secret");
    let all = entries(&mut peer, "ACL LOG");
    let shown: Vec<String> = all
        .iter()
        .map(|entry| {
            let names = ["count", "reason", "context", "object", "username", "age-seconds", "entry-id"];
            names.map(|name| field(entry, name)).join(" ")
        })
        .collect();
    assert_eq!(
        shown,
        [
            "1 auth toplevel AUTH nobody 0 3",
            "1 command multi set guest 0 2",
            "1 command toplevel set guest 0 1",
            "3 key toplevel yours guest 1 0",
        ]
    );
    let (newest, oldest) = (&all[0], &all[3]);
    assert_eq!(field(oldest, "timestamp-created"), START.to_string());
    assert_eq!(field(oldest, "timestamp-last-updated"), (START + 2_000).to_string());
    assert!(field(oldest, "client-info").contains(" cmd=get user=guest "), "{oldest:?}");
    assert!(field(newest, "client-info").contains(" cmd=auth user=guest "), "{newest:?}");
    assert!(!field(newest, "client-info").ends_with('\n'));
    // Not merged: another minute.
    peer.sleep(61_000);
    ask(&mut peer, GUEST, "GET yours");
    assert_eq!(field(&entries(&mut peer, "ACL LOG 1")[0], "entry-id"), "4");
    assert_eq!(entries(&mut peer, "ACL LOG 2").len(), 2);
    // A shorter log is cut when the next entry comes.
    ask(&mut peer, OWNER, "CONFIG SET acllog-max-len 2");
    assert_eq!(entries(&mut peer, "ACL LOG").len(), 5);
    ask(&mut peer, GUEST, "GET theirs");
    assert_eq!(entries(&mut peer, "ACL LOG").len(), 2);
    ask(&mut peer, OWNER, "CONFIG SET acllog-max-len 0");
    ask(&mut peer, GUEST, "GET ours");
    assert_eq!(entries(&mut peer, "ACL LOG").len(), 0);
    let info = ask(&mut peer, OWNER, "INFO stats");
    for line in [
        "acl_access_denied_auth:1",
        "acl_access_denied_cmd:2",
        "acl_access_denied_key:6",
        "acl_access_denied_channel:0",
    ] {
        assert!(text(&info).contains(line), "{line} in {}", text(&info));
    }
}

#[test]
fn what_waits_or_is_held_back_is_checked_when_it_goes_on() {
    let mut peer = world(1, "+@all ~*");
    ask(&mut peer, OWNER, "FLUSHALL");
    peer.send(GUEST, &argv("BLPOP l 0"));
    ask(&mut peer, OWNER, "ACL SETUSER guest -blpop");
    ask(&mut peer, OWNER, "RPUSH l x");
    assert!(says(&peer.arrived(GUEST), "NOPERM this user has no permissions to run the 'blpop' command"));
    ask(&mut peer, OWNER, "CLIENT PAUSE 1000 ALL");
    peer.send(GUEST, &argv("SET k v"));
    peer.sleep(1_000);
    assert_eq!(peer.arrived(GUEST), [Value::Simple(b"OK".to_vec())]);
    ask(&mut peer, OWNER, "CLIENT PAUSE 1000 WRITE");
    peer.send(GUEST, &argv("SET k w"));
    ask(&mut peer, OWNER, "ACL SETUSER guest resetkeys");
    ask(&mut peer, OWNER, "CLIENT UNPAUSE");
    assert!(says(&peer.arrived(GUEST), "NOPERM"));
    assert_eq!(text(&ask(&mut peer, OWNER, "GET k")), "v");
}

#[test]
fn effects_of_a_leader_need_no_permission() {
    let mut peer = world(1, "+@all");
    ask(&mut peer, OWNER, "ACL SETUSER default off -@all resetkeys");
    peer.engine.replay(&[b"SET", b"k", b"v"]).expect("the host may do everything");
}

#[test]
fn passwords_are_made_from_the_secret() {
    let make = |secret: u8| {
        let mut peer = EnginePeer::at(1, START);
        peer.engine.server.acl.secret = [secret; 32];
        ["ACL GENPASS", "ACL GENPASS", "ACL GENPASS 5", "ACL GENPASS 4096"]
            .map(|line| text(&ask(&mut peer, OWNER, line)))
    };
    let [a, b, c, d] = make(1);
    assert_eq!([a.len(), b.len(), c.len(), d.len()], [64, 64, 2, 1024]);
    assert!(d.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
    assert_ne!(a, b);
    assert_ne!(d[..64], d[64..128]);
    assert_eq!(make(1)[0], a);
    assert_ne!(make(2)[0], a);
}

/// A host with the files of the tests below, none of which can be written.
struct Files;

impl Host for Files {
    fn acl_file(&mut self, path: &str) -> Option<Result<Vec<u8>, String>> {
        Some(read(path))
    }
    fn replace_acl_file(&mut self, _path: &str, _text: &[u8]) -> Option<Result<(), String>> {
        Some(Err("no".to_string()))
    }
}

/// What is in the file.
fn read(path: &str) -> Result<Vec<u8>, String> {
    let text: &[u8] = match path {
        "good" => b"user alice on nopass ~* &* +@all\r\n\n  user bob off #7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed (+get ~a )\n",
        "default" => b"user default off\nuser alice on nopass +@all",
        "bad" => b"user a on foo\nuser b +nosuch ~* ~a\nusr c\nuser a on\nuser a on\nuser d (+get\n# x\n user e\ton\nuser",
        _ => return Err("No such file or directory".to_string()),
    };
    Ok(text.to_vec())
}

#[test]
fn the_file_is_taken_as_a_whole_or_not_at_all() {
    let mut peer = EnginePeer::at(1, START);
    peer.engine.server.host = Box::new(Files);
    let load = |peer: &mut EnginePeer, path: &str| {
        peer.engine.server.config.other.insert("aclfile", path.to_string());
        text(&ask(peer, OWNER, "ACL LOAD"))
    };
    let list = |peer: &mut EnginePeer| -> Vec<String> {
        ask(peer, OWNER, "ACL LIST").items().unwrap_or_default().iter().map(text).collect()
    };
    ask(&mut peer, OWNER, "ACL SETUSER old on nopass +@all");
    ask(&mut peer, OWNER, "ACL SETUSER alice on nopass +@all &*");
    for (client, name) in [(2, "old"), (3, "alice"), (4, "alice")] {
        ask(&mut peer, client, &format!("AUTH {name} x"));
    }
    ask(&mut peer, 4, "SUBSCRIBE news");
    assert_eq!(load(&mut peer, "missing"), "ERR Error loading ACLs, opening file 'missing': No such file or directory");
    assert_eq!(
        load(&mut peer, "bad"),
        "ERR bad:1: Syntax error. bad:2: Error in applying operation '+nosuch': Unknown command or category name in ACL. bad:2: Adding a \
         pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an \
         empty list of patterns. bad:3 should start with user keyword followed by the username. WARNING: Duplicate user 'a' found on \
         line 4. WARNING: Duplicate user 'a' found on line 5. bad:6: Unmatched parenthesis in selector definition. bad:7 should start \
         with user keyword followed by the username. bad:8: username 'e\ton' contains invalid characters. bad:9 should start with user \
         keyword followed by the username. WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
    );
    assert_eq!(list(&mut peer).len(), 3);
    assert_eq!(load(&mut peer, "good"), "OK");
    let hash = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
    assert_eq!(
        list(&mut peer),
        [
            "user alice on nopass sanitize-payload ~* &* +@all".to_string(),
            format!("user bob off sanitize-payload #{hash} resetchannels -@all (~a resetchannels -@all +get)"),
            "user default on nopass sanitize-payload ~* &* +@all".to_string(),
        ]
    );
    assert!(peer.is_closed(2), "its user is gone");
    assert_eq!(text(&ask(&mut peer, 3, "ACL WHOAMI")), "alice");
    assert!(!peer.is_closed(4), "it may still listen");
    assert_eq!(load(&mut peer, "default"), "OK");
    assert!(peer.is_closed(4), "it may not listen any more");
    assert!(says(&[ask(&mut peer, 3, "PUBLISH c x")], "NOPERM"));
    assert!(says(&[ask(&mut peer, OWNER, "PING")], "NOPERM"));
    assert!(says(&[ask(&mut peer, 5, "PING")], "NOAUTH"));
    assert_eq!(
        text(&ask(&mut peer, 3, "ACL SAVE")),
        "ERR There was an error trying to save the ACLs. Please check the server logs for more information"
    );
}

#[test]
fn users_of_a_configuration_are_made_at_the_start() {
    let mut peer = EnginePeer::at(1, START);
    let acl = &mut peer.engine.server.acl;
    assert_eq!(acl.declare(&[b"ann", b"on", b"nopass", b"(~a", b"+get)"]), Ok(()));
    assert_eq!(acl.declare(&[b"default", b"on", b"nopass", b"~*", b"+@all"]), Ok(()));
    for (words, why) in [
        (&[&b"ann"[..]][..], "'ann': Duplicate user found. A user can only be defined once in config files"),
        (&[b"bo", b"foo"], "'bo': Syntax error"),
        (&[b"bo", b"(+get"], "'bo': Unmatched parenthesis in selector definition"),
        (&[b"b o"], "'b o': Spaces not allowed in ACL usernames"),
    ] {
        assert_eq!(acl.declare(words), Err(format!("Error in user declaration {why}")));
    }
    assert_eq!(acl.start(None), Ok(()));
    assert_eq!(text(&ask(&mut peer, OWNER, "ACL DRYRUN ann GET a")), "OK");
    assert!(says(&[ask(&mut peer, OWNER, "PUBLISH c x")], "NOPERM"), "the default user's channels were not given");
    let acl = &mut peer.engine.server.acl;
    acl.declare(&[b"cy"]).expect("a name alone will do");
    assert!(
        acl.start(Some(("good", read("good"))))
            .is_err_and(|why| why.starts_with("Configuring Redis with users defined in redis.conf"))
    );
    assert!(
        acl.start(Some(("missing", read("missing"))))
            .is_err_and(|why| why.starts_with("Aborting Redis startup because of ACL errors: "))
    );
}

#[test]
fn replies_are_maps_where_there_are_maps() {
    let mut peer = world(1, "+get ~k (+set ~s)");
    assert!(!ask(&mut peer, OWNER, "HELLO 3").is_error());
    assert!(ask(&mut peer, GUEST, "SET k 1").is_error());
    let Value::Map(user) = ask(&mut peer, OWNER, "ACL GETUSER guest") else { panic!("no map") };
    assert_eq!(user.len(), 6);
    assert!(matches!(user[0].1, Value::Set(_)), "{user:?}");
    assert!(matches!(user[5].1.items(), Some([Value::Map(_)])), "{user:?}");
    let log = ask(&mut peer, OWNER, "ACL LOG");
    let Some([Value::Map(entry)]) = log.items() else { panic!("no list of maps: {log:?}") };
    assert!(entry.iter().any(|(name, value)| text(name) == "age-seconds" && matches!(value, Value::Double(_))));
    assert_eq!(ask(&mut peer, OWNER, "ACL GETUSER nobody"), Value::Nil);
}
