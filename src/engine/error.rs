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
    AuthWithoutPassword = "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
    BadAuth = "WRONGPASS invalid username-password pair or user is disabled.",
    BadClientId = "ERR Invalid client ID",
    BadClientName = "ERR Client names cannot contain spaces, newlines or special characters.",
    BadDb = "ERR DB index is out of range",
    BadFirstDb = "ERR invalid first DB index",
    BadSecondDb = "ERR invalid second DB index",
    BitOffset = "ERR bit offset is not an integer or out of range",
    ClientIdNotPositive = "ERR client-id should be greater than 0",
    CountNegative = "ERR COUNT can't be negative",
    CountNotPositive = "ERR count should be greater than 0",
    DebugNotAllowed = "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
    DebugProtocol = "ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
    DecrOverflow = "ERR decrement would overflow",
    DiscardWithoutMulti = "ERR DISCARD without MULTI",
    ExecAbort = "EXECABORT Transaction discarded because of previous errors.",
    ExecWithoutMulti = "ERR EXEC without MULTI",
    FieldsMismatch = "ERR The `numfields` parameter must match the number of arguments",
    FieldsMissing = "ERR Mandatory argument FIELDS is missing or not at the right position",
    GtAndLt = "ERR GT and LT options at the same time are not compatible",
    GtLtNx = "ERR GT, LT, and/or NX options at the same time are not compatible",
    HashNotFloat = "ERR hash value is not a float",
    HashNotInteger = "ERR hash value is not an integer",
    HelloNoAuth = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
    HsetexConditions = "ERR Only one of FXX or FNX arguments can be specified",
    HsetexNoFields = "ERR missing FIELDS argument",
    HsetexTimes = "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
    IncrNanOrInf = "ERR increment would produce NaN or Infinity",
    IncrOverflow = "ERR increment or decrement would overflow",
    IncrSingle = "ERR INCR option supports a single increment-element pair",
    IndexOutOfRange = "ERR index out of range",
    InvalidArgumentCount = "ERR Invalid number of arguments specified for command",
    InvalidArguments = "ERR Invalid arguments specified for command",
    InvalidCommand = "ERR Invalid command specified",
    InvalidCursor = "ERR invalid cursor",
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
    MaxAgeNotPositive = "ERR maxage should be greater than 0",
    MaxlenNegative = "ERR MAXLEN can't be negative",
    MinMaxNotFloat = "ERR min or max is not a float",
    MinMaxNotLex = "ERR min or max not valid string range item",
    MultiNested = "ERR MULTI calls can not be nested",
    NanOrInf = "ERR value is NaN or Infinity",
    NegativeExpire = "ERR invalid expire time, must be >= 0",
    NegativeLimit = "ERR LIMIT can't be negative",
    NegativeTimeout = "ERR timeout is negative",
    NoAuth = "NOAUTH Authentication required.",
    NoConfigFile = "ERR The server is running without a config file",
    NoKeyArguments = "ERR The command has no key arguments",
    NoMulti = "ERR Command not allowed inside a transaction",
    NoProto = "NOPROTO unsupported protocol version",
    NoShutdown = "ERR No shutdown in progress.",
    NoSuchClient = "ERR No such client",
    NoSuchKey = "ERR no such key",
    NotFloat = "ERR value is not a valid float",
    NotInteger = "ERR value is not an integer or out of range",
    NoValuesWithoutHscan = "ERR NOVALUES option can only be used in HSCAN",
    NumFieldsInvalid = "ERR invalid number of fields",
    NumFieldsNotPositive = "ERR Number of fields must be a positive integer",
    NumFieldsZero = "ERR Parameter `numFields` should be greater than 0",
    NumkeysNotPositive = "ERR numkeys should be greater than 0",
    NumkeysTooMany = "ERR Number of keys can't be greater than number of args",
    NxAndOthers = "ERR NX and XX, GT or LT options at the same time are not compatible",
    OffsetOutOfRange = "ERR offset is out of range",
    OutOfMemory = "OOM command not allowed when used memory > 'maxmemory'.",
    OutOfRange = "ERR value is out of range",
    OutOfRangePositive = "ERR value is out of range, must be positive",
    PauseMode = "ERR CLIENT PAUSE mode must be WRITE or ALL",
    ProtocolNotInteger = "ERR Protocol version is not an integer or out of range",
    RangeOfLong = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
    RankZero = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
    SameObject = "ERR source and destination objects are the same",
    SaveInProgress = "ERR Background save already in progress",
    ScoreNan = "ERR resulting score is not a number (NaN)",
    ScoresNotFloat = "ERR One or more scores can't be converted into double",
    StringTooLong = "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
    Syntax = "ERR syntax error",
    TimeoutNotFloat = "ERR timeout is not a float or out of range",
    TimeoutNotInteger = "ERR timeout is not an integer or out of range",
    TimeoutOutOfRange = "ERR timeout is out of range",
    Unblocked = "UNBLOCKED client unblocked via CLIENT UNBLOCK",
    UnblockReason = "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR",
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
