//! Every error a command can answer, with Redis's words. `Display` is the text after the `-` on the wire.

use std::fmt;

/// What a handler returns.
pub type Outcome = Result<(), Error>;

macro_rules! errors {
    ($($name:ident = $text:literal,)*) => {
        /// An error reply. One variant a text; a text with a changing part has its own constructor below and is kept in
        /// [`Error::Text`].
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Error {
            $(#[doc = $text] $name,)*
            /// A text that names something of the request.
            Text(String),
        }
        impl Error {
            /// Returns the whole text, code included.
            pub fn text(&self) -> &str {
                match self {
                    $(Error::$name => $text,)*
                    Error::Text(text) => text,
                }
            }
        }
    };
}

// One line each, alphabetical.
errors! {
    AclNotSaved = "ERR There was an error trying to save the ACLs. Please check the server logs for more information",
    AnyWithoutCount = "ERR the ANY argument requires COUNT argument",
    AuthWithoutPassword = "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
    BadAuth = "WRONGPASS invalid username-password pair or user is disabled.",
    BadClientId = "ERR Invalid client ID",
    BadClientName = "ERR Client names cannot contain spaces, newlines or special characters.",
    BadCondition = "ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE",
    BadDataFormat = "ERR Bad data format",
    BadDb = "ERR DB index is out of range",
    BadFirstDb = "ERR invalid first DB index",
    BadMasterPort = "ERR Invalid master port",
    BadSecondDb = "ERR invalid second DB index",
    BitArgument = "ERR The bit argument must be 1 or 0.",
    BitfieldOverflow = "ERR Invalid OVERFLOW type specified",
    BitfieldReadOnly = "ERR BITFIELD_RO only supports the GET subcommand",
    BitfieldType = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
    BitNotInteger = "ERR bit is not an integer or out of range",
    BitOffset = "ERR bit offset is not an integer or out of range",
    NoLeader = "MASTERDOWN Link with the leader is down, and no other one was found in time; whether the command was run is not known",
    NoUpstream = "MASTERDOWN Link with the leader is down: nothing can be changed until it is there again",
    QueueFull = "MASTERDOWN Link with the leader is down, and too much is queued for it already",
    NoLeaderRoom = "MASTERDOWN Link with the leader is down, and too much waits for it already",
    NotStored = "MISCONF The change was made, but could not be stored: the storage of the tab that leads is full or has failed",
    OnlyRead = "READONLY You can't write against a read only replica.",
    CannotFollow = "ERR Following another server is not possible yet",
    BitopNotSingle = "ERR BITOP NOT must be called with a single source key.",
    CachingNo = "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
    CachingWithoutTracking = "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
    CachingYes = "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
    BusyGroup = "BUSYGROUP Consumer Group name already exists",
    ClaimCount = "ERR COUNT must be > 0",
    ClaimMinIdleNegative = "ERR min-idle-time must be a positive integer",
    ClaimMinIdleReadgroup = "ERR min-idle-time is not an integer or out of range",
    BoundsCrossed = "ERR LBOUND can't be greater than UBOUND",
    BusyKey = "BUSYKEY Target key name already exists.",
    ClientIdNotPositive = "ERR client-id should be greater than 0",
    ConditionNeedsString = "ERR Key should be of string type if conditions are specified",
    CountNegative = "ERR COUNT can't be negative",
    CountNotPositive = "ERR count should be greater than 0",
    DebugCrash = "ERR DEBUG does not crash the server: it would take the data with it",
    DebugNotAllowed = "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
    DebugProtocol = "ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
    DebugReloadOption = "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
    DebugThreshold = "ERR argument must be a memory value bigger than 1 and smaller than 4gb",
    DecrOverflow = "ERR decrement would overflow",
    DefaultUser = "ERR The 'default' user cannot be removed",
    DiscardWithoutMulti = "ERR DISCARD without MULTI",
    EntriesAddedNegative = "ERR entries_added must be positive",
    EntriesAddedTooSmall = "ERR The entries_added specified in XSETID is smaller than the target stream length",
    EntriesReadInvalid = "ERR value for ENTRIESREAD must be positive or -1",
    DigestLength = "ERR must be exactly 16 hexadecimal characters",
    DumpChecksum = "ERR DUMP payload version or checksum are wrong",
    EnxWithoutTime = "ERR ENX flag requires an expiration",
    ExecAbort = "EXECABORT Transaction discarded because of previous errors.",
    ExecWithoutMulti = "ERR EXEC without MULTI",
    FailoverForce = "ERR FAILOVER with force option requires both a timeout and target HOST and IP.",
    FailoverNoReplicas = "ERR FAILOVER requires connected replicas.",
    FailoverTarget = "ERR FAILOVER target replica is not online.",
    FailoverTimeout = "ERR FAILOVER timeout must be greater than 0",
    FieldsMismatch = "ERR The `numfields` parameter must match the number of arguments",
    FieldsMissing = "ERR Mandatory argument FIELDS is missing or not at the right position",
    GroupKeyMissing = "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.",
    GroupMissing = "ERR Missing GROUP option for XREADGROUP",
    GroupOutsideReadgroup = "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
    FreqOutOfRange = "ERR Invalid FREQ value, must be >= 0 and <= 255",
    GeoBoxNegative = "ERR height or width cannot be negative",
    GeoCount = "ERR COUNT must be > 0",
    GeoHeight = "ERR need numeric height",
    GeoMember = "ERR could not decode requested zset member",
    GeoRadius = "ERR need numeric radius",
    GeoRadiusNegative = "ERR radius cannot be negative",
    GeoUnit = "ERR unsupported unit provided. please use M, KM, FT, MI",
    GeoWidth = "ERR need numeric width",
    GtAndLt = "ERR GT and LT options at the same time are not compatible",
    GtLtNx = "ERR GT, LT, and/or NX options at the same time are not compatible",
    HashNotFloat = "ERR hash value is not a float",
    HashNotInteger = "ERR hash value is not an integer",
    HelloNoAuth = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
    HllCorrupt = "INVALIDOBJ Corrupted HLL object detected",
    HllNotSparse = "ERR HLL encoding is not sparse",
    HsetexConditions = "ERR Only one of FXX or FNX arguments can be specified",
    HsetexNoFields = "ERR missing FIELDS argument",
    HsetexTimes = "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
    IdleNotPositive = "ERR idle should be greater than 0",
    IncrNanOrInf = "ERR increment would produce NaN or Infinity",
    IncrOverflow = "ERR increment or decrement would overflow",
    IncrSingle = "ERR INCR option supports a single increment-element pair",
    IndexOutOfRange = "ERR index out of range",
    IntervalEnd = "ERR invalid end ID for the interval",
    IntervalStart = "ERR invalid start ID for the interval",
    InvalidArgumentCount = "ERR Invalid number of arguments specified for command",
    InvalidArguments = "ERR Invalid arguments specified for command",
    InvalidCommand = "ERR Invalid command specified",
    InvalidCursor = "ERR invalid cursor",
    LastIdMeaningless = "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.",
    JsonIndexOutOfBounds = "ERR index out of bounds",
    JsonIndexOutOfRange = "ERR array index out of range",
    JsonNewAtRoot = "ERR new objects must be created at the root",
    JsonNoKey = "ERR could not perform this operation on a key that doesn't exist",
    JsonNotFinite = "ERR result is not a number",
    JsonNotInteger = "Couldn't parse as integer",
    JsonNotUtf8 = "Couldn't parse as UTF-8 string",
    JsonPathTooLong = "ERR the path is too long",
    JsonPathTooMuch = "ERR the path leads to too many values",
    JsonStaticPath = "Err wrong static path",
    JsonTooDeep = "ERR recursion limit exceeded",
    JsonWrongType = "Existing key has wrong Redis type",
    KeyMissing = "ERR key does not exist",
    LcsBoth = "ERR If you want both the length and indexes, please just use IDX.",
    LcsMemory = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
    LcsNoMemory = "ERR Insufficient memory, failed allocating transient memory for LCS",
    LcsNotStrings = "ERR The specified keys must contain string values",
    LfuNotSelected = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
    LfuSelected = "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
    LimitNeedsRange = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
    Loading = "LOADING Redis is loading the dataset in memory",
    MaxAgeNotPositive = "ERR maxage should be greater than 0",
    MaxlenNegative = "ERR MAXLEN can't be negative",
    MinMaxNotFloat = "ERR min or max is not a float",
    MinMaxNotLex = "ERR min or max not valid string range item",
    MonitorNested = "ERR MONITOR isn't allowed for DENY BLOCKING client",
    MultiNested = "ERR MULTI calls can not be nested",
    NanOrInf = "ERR value is NaN or Infinity",
    NegativeExpire = "ERR invalid expire time, must be >= 0",
    NegativeIdle = "ERR Invalid IDLETIME value, must be >= 0",
    NegativeLimit = "ERR LIMIT can't be negative",
    Misconf = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.",
    NegativeTimeout = "ERR timeout is negative",
    NoAclFile = "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration.",
    NewIdOutsideGroup = "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
    NoackOutsideReadgroup = "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
    NegativeTtl = "ERR Invalid TTL value, must be >= 0",
    NoAuth = "NOAUTH Authentication required.",
    NoConfigFile = "ERR The server is running without a config file",
    NoKeyArguments = "ERR The command has no key arguments",
    NoCluster = "ERR This instance has cluster support disabled",
    NoFailover = "ERR No failover in progress.",
    NoMulti = "ERR Command not allowed inside a transaction",
    NoPermissionChannel = "NOPERM this user has no permissions to access one of the channels used as arguments",
    NoPermissionKey = "NOPERM this user has no permissions to access one of the keys used as arguments",
    NoProto = "NOPROTO unsupported protocol version",
    NoShutdown = "ERR No shutdown in progress.",
    NoSuchClient = "ERR No such client",
    NoSuchKey = "ERR no such key",
    NoSuchSpecifiedKey = "ERR The specified key does not exist",
    NotFloat = "ERR value is not a valid float",
    NotHll = "WRONGTYPE Key is not a valid HyperLogLog string value.",
    NotInteger = "ERR value is not an integer or out of range",
    NoScoresWithoutZscan = "ERR NOSCORES option can only be used in ZSCAN",
    NoValuesWithoutHscan = "ERR NOVALUES option can only be used in HSCAN",
    NumFieldsInvalid = "ERR invalid number of fields",
    NumFieldsNotPositive = "ERR Number of fields must be a positive integer",
    NumFieldsZero = "ERR Parameter `numFields` should be greater than 0",
    NumIdsMismatch = "ERR The `numids` parameter must match the number of arguments",
    NumIdsNotPositive = "ERR Number of IDs must be a positive integer",
    NumkeysInvalid = "ERR invalid numkeys value",
    NumkeysNotPositive = "ERR numkeys should be greater than 0",
    NumkeysTooMany = "ERR Number of keys can't be greater than number of args",
    NxAndOthers = "ERR NX and XX, GT or LT options at the same time are not compatible",
    OffsetOutOfRange = "ERR offset is out of range",
    OutOfMemory = "OOM command not allowed when used memory > 'maxmemory'.",
    OutOfRange = "ERR value is out of range",
    NotListpack = "ERR Not a listpack encoded object.",
    NotHashTable = "ERR The value stored at the specified key is not represented using an hash table",
    NotQuicklist = "ERR Not a quicklist encoded object.",
    NotSds = "ERR Not an sds encoded string.",
    OutOfRangeDb = "ERR Out of range database",
    OutOfRangePositive = "ERR value is out of range, must be positive",
    PasswordBits = "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096",
    PairsMismatch = "ERR wrong number of key-value pairs",
    PauseMode = "ERR CLIENT PAUSE mode must be WRITE or ALL",
    ProtocolNotInteger = "ERR Protocol version is not an integer or out of range",
    RangeOfLong = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
    RdbLoad = "ERR Error trying to load the RDB dump, check server logs.",
    RankZero = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
    ReplicaofByReplica = "ERR Command is not valid when client is a replica.",
    ReplyTooLong = "ERR value is out of range",
    RewriteBeforeSave = "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.",
    RewriteFailed = "ERR Can't execute an AOF background rewriting. Please check the server logs for more information.",
    RewriteInProgress = "ERR Background append only file rewriting already in progress",
    SameObject = "ERR source and destination objects are the same",
    SaveInProgress = "ERR Background save already in progress",
    ScoreNan = "ERR resulting score is not a number (NaN)",
    ScoresNotFloat = "ERR One or more scores can't be converted into double",
    ScriptNoChannel = "NOPERM The user executing the script can't publish to the channel mentioned in the command",
    ScriptNoCommand = "NOPERM The user executing the script can't run this command or subcommand",
    ScriptNoKey = "NOPERM The user executing the script can't access at least one of the keys mentioned in the command arguments",
    SortByDenied = "ERR BY option of SORT denied due to insufficient ACL permissions.",
    SortGetDenied = "ERR GET option of SORT denied due to insufficient ACL permissions.",
    SlowlogCount = "ERR count should be greater than or equal to -1",
    StreamExhausted = "ERR The stream has exhausted the last possible ID, unable to add more items",
    StreamId = "ERR Invalid stream ID specified as stream command argument",
    StreamIdOrder = "ERR The ID specified in XADD is equal or smaller than the target stream top item",
    StreamIdZero = "ERR The ID specified in XADD must be greater than 0-0",
    StreamLimitNeedsApprox = "ERR syntax error, LIMIT cannot be used without the special ~ option",
    StreamLimitNeedsTrim = "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
    StreamLimitNegative = "ERR The LIMIT argument must be >= 0.",
    StreamMaxlenNegative = "ERR The MAXLEN argument must be >= 0.",
    StreamTooLarge = "ERR Elements are too large to be stored",
    StreamTrimTwice = "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
    ShutdownFailed = "ERR Errors trying to SHUTDOWN. Check logs.",
    StringTooLong = "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
    Syntax = "ERR syntax error",
    TimeoutNotFloat = "ERR timeout is not a float or out of range",
    TimeoutNotInteger = "ERR timeout is not an integer or out of range",
    TimeoutOutOfRange = "ERR timeout is out of range",
    TrackingNoRedirect = "ERR The client ID you want redirect to does not exist",
    TrackingOptBoth = "ERR You can't specify both OPTIN mode and OPTOUT mode",
    TrackingOptWithBcast = "ERR OPTIN and OPTOUT are not compatible with BCAST",
    TrackingPrefixWithoutBcast = "ERR PREFIX option requires BCAST mode to be enabled",
    TrackingSwitchBcast = "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.",
    TrackingSwitchOpt = "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.",
    TrackingTwoRedirects = "ERR A client can only redirect to a single other client",
    Unblocked = "UNBLOCKED client unblocked via CLIENT UNBLOCK",
    UnblockReason = "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR",
    WaitaofWithoutLog = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
    UserNameSpaces = "ERR Usernames can't contain spaces or null characters",
    VectorCount = "ERR invalid COUNT",
    VectorEf = "ERR invalid EF",
    VectorEpsilon = "ERR invalid EPSILON",
    VectorFilterEf = "ERR invalid FILTER-EF",
    VectorInvalid = "ERR invalid vector specification",
    VectorM = "ERR invalid M",
    VectorNoElement = "ERR element not found in set",
    VectorNoProjection = "ERR cannot add projection to existing set without projection",
    VectorOption = "ERR invalid option after element",
    VectorOtherM = "ERR asked M value mismatch with existing vector set",
    VectorQuant = "ERR asked quantization mismatch with existing vector set",
    VectorQuery = "ERR vector type must be ELE, FP32 or VALUES",
    VectorRangeEnds = "ERR '-' can only be used as first argument, '+' only as second",
    WatchInMulti = "ERR WATCH inside MULTI is not allowed",
    WeightNotFloat = "ERR weight value is not a float",
    WithscoresByLex = "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
    WrongType = "WRONGTYPE Operation against a key holding the wrong kind of value",
    XautoclaimMinIdle = "ERR Invalid min-idle-time argument for XAUTOCLAIM",
    XclaimIdle = "ERR Invalid IDLE option argument for XCLAIM",
    XclaimMinIdle = "ERR Invalid min-idle-time argument for XCLAIM",
    XclaimRetrycount = "ERR Invalid RETRYCOUNT option argument for XCLAIM",
    XclaimTime = "ERR Invalid TIME option argument for XCLAIM",
    XreadgroupUnbalanced = "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified.",
    XreadUnbalanced = "ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be specified.",
    XsetidCurrentDeleted = "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
    XsetidDeleted = "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
    XsetidSmall = "ERR The ID specified in XSETID is smaller than the target stream top item",
    XxAndNx = "ERR XX and NX options at the same time are not compatible",
}

impl Error {
    /// An error whose text names a part of the request.
    pub fn new(text: impl Into<String>) -> Self {
        Error::Text(text.into())
    }

    /// `ERR wrong number of arguments for '<name>' command`; sub-commands are named `parent|child`.
    pub fn arity(full_name: &str) -> Self {
        Error::Text(format!("ERR wrong number of arguments for '{}' command", full_name.to_ascii_lowercase()))
    }

    /// What a command answers that the user may not run; sub-commands are named `parent|child`.
    pub fn no_permission(full_name: &str) -> Self {
        Error::Text(format!("NOPERM this user has no permissions to run the '{full_name}' command"))
    }

    /// What EXEC answers for a command that was allowed when it was queued and is not any more, with the reason.
    pub fn rules_changed(reason: &str) -> Self {
        Error::Text(format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no \
             longer allowed for the following reason: {reason}"
        ))
    }

    /// Nothing is written because what was written before could not be logged.
    pub fn log_failed(reason: &str) -> Self {
        Self::Text(format!("MISCONF Errors writing to the AOF file: {reason}"))
    }

    /// What EXEC answers when `cause` keeps it from running at all.
    pub fn exec_abort(cause: &Error) -> Self {
        let text = cause.text();
        let text = text.strip_prefix("ERR ").unwrap_or(text);
        Error::Text(format!("EXECABORT Transaction discarded because of: {text}"))
    }

    /// `ERR value is out of range, value must between <min> and <max>`.
    pub fn out_of_range(min: i64, max: i64) -> Self {
        Error::Text(format!("ERR value is out of range, value must between {min} and {max}"))
    }

    /// `ERR invalid expire time in '<name>' command`.
    pub fn invalid_expire(name: &str) -> Self {
        Error::Text(format!("ERR invalid expire time in '{}' command", name.to_ascii_lowercase()))
    }

    /// What an unknown first word answers: its name and the arguments' beginning, each bounded to 128 bytes.
    pub fn unknown_command(argv: &[&[u8]]) -> Self {
        let cut = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(128)]).into_owned();
        let mut args = String::new();
        for arg in &argv[1..] {
            if args.len() >= 128 {
                break;
            }
            let room = 128 - args.len();
            args.push_str(&format!("'{}' ", String::from_utf8_lossy(&arg[..arg.len().min(room)])));
        }
        Error::Text(format!("ERR unknown command '{}', with args beginning with: {}", cut(argv[0]), args))
    }

    /// What an unknown sub-command of `parent` answers.
    pub fn unknown_subcommand(parent: &str, child: &[u8]) -> Self {
        let child = String::from_utf8_lossy(&child[..child.len().min(128)]);
        Error::Text(format!("ERR unknown subcommand '{child}'. Try {} HELP.", parent.to_ascii_uppercase()))
    }

    /// What a sub-command with arguments it has no use for answers, where the arity in its row leaves them open.
    pub fn subcommand_arity(parent: &str, child: &[u8]) -> Self {
        let child = String::from_utf8_lossy(&child[..child.len().min(128)]);
        Error::Text(format!("ERR unknown subcommand or wrong number of arguments for '{child}'. Try {parent} HELP."))
    }

    /// The first word of the text: `ERR`, `WRONGTYPE`…, the key of `errorstats`.
    pub fn code(&self) -> &str {
        self.text().split(' ').next().unwrap_or("ERR")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Error {}
